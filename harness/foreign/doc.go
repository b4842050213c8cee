// Package foreign reads the result files of other load generators as runs of ours: vllm bench
// serve, GuideLLM, AIPerf and k6. What such a file does not tell stays unknown: when requests were
// due, what became of each chunk, the metrics of the server. It writes vllm bench's files, too.
//
// Each tool has one file here: by what its results are recognised, where its facts go, and how it
// computes the figures that it states, which are held against the requests that were read.
package foreign
