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
// What users write stands here: [Config] and [Profile] say what is served, [New] makes a
// [Server] of them, a [Fault] is something that goes wrong on purpose, [Replay] serves a
// trace without waiting, and a [Truth] is what really happened to one answer. Below it, each
// package imports only those before it:
//
//	internal/hash       what looks random, and depends on its seeds only
//	internal/clock      time that runs faster
//	internal/tokenizer  text and tokens, and the template of a chat
//	internal/answer     what is said
//	internal/faults     what goes wrong, and when
//	internal/metrics    counts, and the page of /metrics
//	internal/engine     steps, the batch, the cache; a replay's loop
//	internal/api        requests, answers, streams and errors over HTTP
//
// It knows nothing of the harness. Were the two to share types, one wrong field
// name would pass every test.
package mockvllm
