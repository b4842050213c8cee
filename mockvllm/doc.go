// Package mockvllm is a mock of a vLLM server that is true where it matters for
// measuring one: it schedules step by step as vLLM's V1 engine does, with
// continuous batching, chunked prefill, a KV cache of blocks, prefix caching
// and preemption, and it shows vLLM's HTTP face and metrics, fed by the clock
// that paces its output.
//
// How long a step takes is a formula ([Profile.StepTime]), so what a client must
// see can be worked out in closed form. The package uses plain time: it runs on
// the real clock and, unchanged, on the virtual one of a testing/synctest
// bubble. In a bubble it is deterministic, although goroutines that act at one
// instant do so in any order: a step that begins at T schedules what arrived
// before T, in an order that does not depend on who came first within an instant.
//
// It knows nothing of the harness. Were the two to share types, one wrong field
// name would pass every test.
package mockvllm
