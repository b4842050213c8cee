package mockvllm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/modelname"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

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
	Name   string `json:"name"`   // of the model, as features name it
	GPU    string `json:"gpu"`    // "one H100"
	Source string `json:"source"` // where the coefficients come from
	Error  string `json:"error"`  // how far off they are, against what was measured

	A float64 `json:"a_ms"` // host
	W float64 `json:"w_ms"` // weights
	B float64 `json:"b_us"` // per token
	C float64 `json:"c_us"` // per sequence
	D float64 `json:"d_ns"` // per token of context
	E float64 `json:"e_ns"` // per pair

	Frontend         time.Duration `json:"frontend_ns"`            // from the request to the queue: parsing, tokenizing
	Blocks           int           `json:"blocks"`                 // of the KV cache
	BlockSize        int           `json:"block_size"`             // in tokens; 0 is vLLM's 16
	MaxSeqs          int           `json:"max_num_seqs"`           // in one step
	MaxBatchedTokens int           `json:"max_num_batched_tokens"` // in one step
	MaxModelLen      int           `json:"max_model_len"`          // prompt and answer together
}

// ProfileFor finds the profile of a model, by its own name or by a longer one
// such as meta-llama/Llama-3.1-8B-Instruct; gpu "" is the first one there is. Weights
// in fp8 are another model than full ones.
func ProfileFor(model, gpu string) (Profile, error) {
	var models, gpus []string
	for _, p := range Profiles() {
		models = append(models, p.Name)
		if !modelname.Same(p.Name, model) {
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

// check refuses what cannot be served, and fills in the block size.
func (p *Profile) check() error {
	if p.BlockSize == 0 {
		p.BlockSize = 16
	}
	switch {
	case p.Name == "":
		return errors.New("a mock server needs a profile; see Profiles")
	case p.MaxSeqs < 1:
		return fmt.Errorf("the mock can hold %d sequences; it must be at least 1", p.MaxSeqs)
	case p.BlockSize < 1:
		return fmt.Errorf("a cache block holds %d tokens; it must be at least 1", p.BlockSize)
	case p.Blocks < 2:
		return fmt.Errorf("the mock has %d cache blocks; it must be at least 2", p.Blocks)
	case p.MaxBatchedTokens < 1:
		return fmt.Errorf("a step of the mock has %d tokens; it must be at least 1", p.MaxBatchedTokens)
	case p.MaxModelLen < 2:
		return fmt.Errorf("the mock's context has %d tokens; it must be at least 2", p.MaxModelLen)
	}
	for name, v := range map[string]float64{"a_ms": p.A, "w_ms": p.W, "b_us": p.B, "c_us": p.C, "d_ns": p.D, "e_ns": p.E, "frontend_ns": float64(p.Frontend)} {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("the profile's %s is %g; it cannot be negative", name, v)
		}
	}
	return nil
}

// ReadProfile reads a profile from a file in JSON, such as calibration writes.
func ReadProfile(path string) (p Profile, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	return parseProfile(path, raw)
}

func parseProfile(path string, raw []byte) (p Profile, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if err := p.check(); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
