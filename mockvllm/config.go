package mockvllm

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/mockvllm/internal/api"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
)

// Version is what /version answers.
const Version = api.Version

// Header stands in the answers of /version and /v1/models, and in no answer of a real
// server: a measurement of the mock must not pass for one of vLLM.
const Header = api.Header

// A Config says what is served, and what goes wrong on purpose. Most of it are
// settings that `vllm serve` has under the same name.
type Config struct {
	Profile Profile
	Root    string   // the model as it was named to be loaded; "": the profile's name
	Names   []string // of the model; the first stands in answers and metrics; none: the profile's
	Seed    uint64
	APIKeys []string // any of them opens; none: all may ask
	Faults  []Fault
	Truth   func(Truth) // called when the server is done with a request; nil: it is not
	Scale   float64     // everything takes so many times less long; 0 is 1

	Dialect           Dialect
	Development       bool // VLLM_SERVER_DEV_MODE: cache reset, sleep, server info
	NoPrefixCache     bool
	Priority          bool // the most urgent request first, not the oldest
	Reasoning         bool // answers of a chat begin with a reasoning part
	PromptDetails     bool // usage tells the cached tokens
	RequestMetrics    bool // answers tell how long their phases took
	ForceUsage        bool // every event of a stream tells usage, asked for or not
	TrackLoad         bool // /load counts requests
	RequestIDHeader   bool
	StreamInterval    int // tokens per event; 0 is 1
	MaxQueuedRequests int // waiting and running; 0: no bound
	MaxQueuedTokens   int // of prompts that are not computed yet; 0: no bound
	Draft             Draft
	Adapters          []Adapter // LoRA
	MaxAdapters       int       // in one step; 0 is 1
	RuntimeAdapters   bool      // VLLM_ALLOW_RUNTIME_LORA_UPDATING
}

// Draft is speculative decoding: every step checks so many guessed tokens, and
// takes them up to the first that is wrong. Each is right with the same chance.
type Draft struct {
	Tokens     int
	Acceptance float64
}

// An Adapter is a LoRA adapter of the model, asked for by its name.
type Adapter struct{ Name, Path string }

// A Dialect is how a front end of vLLM writes streams, errors and metrics.
type Dialect string

// Python is vLLM's usual front end, Rust the experimental one.
const (
	Python Dialect = ""
	Rust   Dialect = "rust"
)

// engine are the settings of the engine.
func (c Config) engine() engine.Config {
	p := c.Profile
	return engine.Config{StepTime: p.StepTime, Blocks: p.Blocks, BlockSize: p.BlockSize, MaxSeqs: p.MaxSeqs, MaxBatchedTokens: p.MaxBatchedTokens,
		MaxAdapters: c.MaxAdapters, NoPrefixCache: c.NoPrefixCache, Priority: c.Priority, Draft: engine.Draft(c.Draft), Scale: c.Scale, KeepTimes: c.Truth != nil}
}

// metrics are the settings that the metrics tell of.
func (c Config) metrics() metrics.Config {
	return metrics.Config{Model: c.Names[0], Rust: c.Dialect == Rust, Blocks: c.Profile.Blocks, BlockSize: c.Profile.BlockSize, PrefixCache: !c.NoPrefixCache,
		MaxModelLen: c.Profile.MaxModelLen, DraftTokens: c.Draft.Tokens, LoRA: len(c.Adapters) > 0 || c.RuntimeAdapters, MaxLoRA: c.MaxAdapters}
}

// check refuses what cannot be served and fills in what is left to us.
func (c *Config) check() error {
	if err := c.Profile.check(); err != nil {
		return err
	}
	for _, f := range c.Faults {
		if err := f.Check(); err != nil {
			return err
		}
	}
	switch {
	case c.Scale < 0:
		return fmt.Errorf("a time scale of %g is impossible; 10 is ten times as fast", c.Scale)
	case c.Dialect != Python && c.Dialect != Rust:
		return fmt.Errorf("no front end %q; there are the usual one (\"\") and %q", c.Dialect, Rust)
	case c.Draft.Tokens < 0 || !(c.Draft.Acceptance >= 0 && c.Draft.Acceptance <= 1):
		return fmt.Errorf("%d draft tokens that are right with a chance of %g: tokens cannot be negative, and a chance lies between 0 and 1", c.Draft.Tokens, c.Draft.Acceptance)
	case c.StreamInterval < 0 || c.MaxQueuedRequests < 0 || c.MaxQueuedTokens < 0 || c.MaxAdapters < 0:
		return errors.New("the stream interval and the bounds of queue and adapters cannot be negative")
	}
	c.Root = cmp.Or(c.Root, c.Profile.Name)
	if len(c.Names) == 0 {
		c.Names = []string{c.Profile.Name}
	}
	for _, a := range c.Adapters {
		if a.Name == "" || slices.Contains(c.Names, a.Name) {
			return fmt.Errorf("an adapter needs a name that is not the model's, not %q", a.Name)
		}
	}
	if c.Scale == 0 {
		c.Scale = 1
	}
	c.MaxAdapters = max(1, c.MaxAdapters)
	// vLLM refuses to start with a length that does not fit the cache; the mock
	// shortens the length, so that a small cache can be tried.
	c.Profile.MaxModelLen = min(c.Profile.MaxModelLen, (c.Profile.Blocks-1)*c.Profile.BlockSize)
	return nil
}
