package mockvllm

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/spelling"
)

// blockSize is how many tokens one block of the KV cache holds, as in vLLM.
const blockSize = 16

// A Profile is a model on given hardware: how long its steps take and how much
// it can hold.
//
// A step of M tokens for n sequences, of which the decoding ones have kv tokens
// of context in all, takes
//
//	A + (W⁴ + (B·M)⁴)^¼ + C·n + D·kv + E·pairs
//
// where A is the work of the host, W reading the weights, B computing a token,
// C handling a sequence, D reading its KV cache, and E the attention of prefill
// over pairs of tokens. The fourth power is a smooth maximum: a step is bound by
// memory or by arithmetic.
type Profile struct {
	Name   string // of the model, as features name it
	GPU    string // "one H100"
	Source string // where the coefficients come from

	A, W float64 // ms
	B, C float64 // µs per token, µs per sequence
	D, E float64 // ns per token of context, ns per pair

	Frontend         time.Duration // from the request to the queue: parsing, tokenizing
	Blocks           int           // of the KV cache
	MaxSeqs          int           // in one step
	MaxBatchedTokens int           // in one step
	MaxModelLen      int           // prompt and answer together
}

// Kernel tables of vLLM 0.19 (H100) and 0.14 (A100, L40S) composed per layer and
// fitted, with 0.5 ms of host time added; published by ai-dynamo/aiconfigurator.
const fromKernels = "composed from the kernel tables of ai-dynamo/aiconfigurator"

// End-to-end runs of vLLM, 15 configurations, published by the same project.
const fromRuns = "fitted to 15 published runs (ai-dynamo/aiconfigurator, silicon_sample.csv)"

// Profiles are the models and hardware that are known.
func Profiles() []Profile {
	small := func(gpu string, w, b, c, d, e float64, kvTokens, batch, seqs int) Profile {
		return Profile{Name: "llama-3.1-8b", GPU: gpu, Source: fromKernels, A: 0.5, W: w, B: b, C: c, D: d, E: e,
			Frontend: 12 * time.Millisecond, Blocks: kvTokens / blockSize, MaxSeqs: seqs, MaxBatchedTokens: batch, MaxModelLen: 131072}
	}
	large := func(gpu string, a, w, b, c, d, e, frontend float64, kvTokens int) Profile {
		return Profile{Name: "llama-3.1-70b-fp8", GPU: gpu, Source: fromRuns, A: a, W: w, B: b, C: c, D: d, E: e,
			Frontend: ms(frontend), Blocks: kvTokens / blockSize, MaxSeqs: 1024, MaxBatchedTokens: 8192, MaxModelLen: 131072}
	}
	return []Profile{
		small("one H100", 6.36, 21.5, 7.1, 42.7, 0.70, 467_280, 8192, 1024),
		small("one A100", 11.0, 61.0, 21.1, 78.5, 2.59, 467_280, 2048, 256),
		small("one L40S", 22.5, 62.2, 24.9, 180, 3.21, 190_000, 2048, 256),
		large("four H100", 2.19, 9.0, 51.5, 54.8, 31.5, 0.4, 12, 690_000),
		large("two H100", 2.74, 14.0, 86.6, 50.5, 56.9, 0.8, 12.6, 236_000),
		large("two H200", 2.44, 11.0, 84.6, 51.9, 34.0, 0.8, 13.7, 620_000),
	}
}

// ProfileFor finds the profile of a model, by its own name or by a longer one
// such as meta-llama/Llama-3.1-8B-Instruct; gpu "" is the first one there is.
func ProfileFor(model, gpu string) (Profile, error) {
	var models, gpus []string
	for _, p := range Profiles() {
		models = append(models, p.Name)
		if !sameModel(p.Name, model) {
			continue
		}
		if gpu == "" || strings.EqualFold(p.GPU, gpu) {
			return p, nil
		}
		gpus = append(gpus, p.GPU)
	}
	if gpus != nil {
		return Profile{}, fmt.Errorf("no profile of %s on %q%s", model, gpu, spelling.DidYouMean(gpu, gpus))
	}
	return Profile{}, fmt.Errorf("no simulated model %q%s", model, spelling.DidYouMean(model, slices.Compact(models)))
}

// sameModel reports whether a name is the profile's, or has all parts of it in
// their order: fp8 weights are another model than full ones.
func sameModel(profile, name string) bool {
	parts := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '-' || r == '_' || r == '/' })
	}
	given := parts(name)
	for _, part := range parts(profile) {
		i := slices.Index(given, part)
		if i < 0 {
			return false
		}
		given = given[i+1:]
	}
	return true
}

// StepTime is how long a step takes: tokens in all, for so many sequences, with
// kv tokens of context read by the decoding ones, and pairs of tokens that
// prefill attends over (Σ chunk · (context before it + chunk/2)).
func (p Profile) StepTime(tokens, seqs, kv int, pairs float64) time.Duration {
	if tokens == 0 {
		return 0
	}
	compute := p.B * float64(tokens) / 1e3
	smooth := math.Pow(math.Pow(p.W, 4)+math.Pow(compute, 4), 0.25)
	return ms(p.A + smooth + p.C*float64(seqs)/1e3 + p.D*float64(kv)/1e6 + p.E*pairs/1e6)
}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
