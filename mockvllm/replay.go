package mockvllm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/clock"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// An Arrival is one request of a trace.
type Arrival struct {
	At      time.Duration // since the trace began; ascending
	Prompt  int           // tokens
	Output  int           // tokens
	Cached  int           // prompt tokens that a cache holds, whatever came before
	Blocks  []int         // names of successive pieces of the prompt; equal beginnings share cache blocks
	Adapter string
}

// pieceTokens is how many tokens of a prompt one name in Arrival.Blocks stands
// for: 512, as in the traces that Mooncake published.
const pieceTokens = 512

// Replay serves a trace offline, without waiting: the engine is the same, its
// clock jumps from step to step. What happened to each request is in the
// order in which they end. Faults count from the beginning of the trace.
func Replay(c Config, trace iter.Seq2[Arrival, error], tell func(Truth)) error {
	next, stop := iter.Pull2(trace)
	defer stop()
	index, last := -1, time.Duration(0)
	r, err := newReplay(c, tell, func(r *replay) (*engine.Sequence, time.Time, error) {
		a, err, ok := next()
		if err != nil || !ok {
			return nil, time.Time{}, err
		}
		index++
		if a.At < last {
			return nil, time.Time{}, fmt.Errorf("request %d of the trace is due before the one ahead of it", index+1)
		}
		if last = a.At; c.Profile.refuses(a) != nil {
			return nil, time.Time{}, fmt.Errorf("request %d of the trace %w", index+1, c.Profile.refuses(a))
		}
		s, due := r.sequence(a, index, r.begin)
		return s, due, nil
	})
	if err != nil {
		return err
	}
	return r.engine.Run()
}

// refuses is why a request cannot be served, if so.
func (p Profile) refuses(a Arrival) error {
	switch {
	case a.Prompt < 1 || a.Output < 1:
		return fmt.Errorf("has %d prompt and %d output tokens; both must be at least 1", a.Prompt, a.Output)
	case a.Prompt+a.Output > p.MaxModelLen:
		return fmt.Errorf("needs %d tokens; the context has %d", a.Prompt+a.Output, p.MaxModelLen)
	}
	return nil
}

// A replay is an engine that serves arrivals offline.
type replay struct {
	config Config
	begin  time.Time
	engine *engine.Offline
	follow func(ended int, at time.Time) // lets what waited for the end of a request ask again
	count  uint64
	known  tokenizer.Token // one that answers are made of
}

// newReplay checks the configuration; next is the next request of a trace and when it is due.
func newReplay(c Config, tell func(Truth), next func(*replay) (*engine.Sequence, time.Time, error)) (*replay, error) {
	c.Truth = tell
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, f := range c.Faults {
		if kind, _ := faults.Describe(f.Kind); kind.Requests || f.Kind == MetricsMissing || f.Kind == MetricsSlow || f.Kind == MetricsStale || f.Kind == MetricsReset {
			return nil, fmt.Errorf("%s happens between a server and its clients; a replay has none", f.Kind)
		}
	}
	begin := time.Unix(0, 0)
	active := faults.New(c.Seed, c.Scale)
	active.Add(begin, c.Faults...)
	r := &replay{config: c, begin: begin, known: answer.WordIDs()[0], follow: func(int, time.Time) {}}
	ended := func(s *engine.Sequence, at time.Time) {
		truth := truthOf(s.Truth())
		truth.Ended, truth.Whole = at, truth.Finish != "error"
		tell(truth)
		r.follow(s.Index, at)
	}
	r.engine = engine.NewOffline(c.engine(), active, metrics.New(c.metrics()), begin, func() (*engine.Sequence, time.Time, error) { return next(r) }, ended)
	return r, nil
}

// sequence is a request as the engine sees it, and when it is due; At counts from an instant.
func (r *replay) sequence(a Arrival, index int, since time.Time) (s *engine.Sequence, due time.Time) {
	r.count++
	received := since.Add(clock.Scaled(a.At, r.config.Scale))
	o := engine.Order{Identity: r.count, Index: index, Prompt: make([]tokenizer.Token, a.Prompt), MaxTokens: a.Output, Adapter: a.Adapter, Received: received,
		AssumeCached: min(a.Cached, a.Prompt-1), NoCache: r.config.NoPrefixCache, Whole: true,
		Answer: answer.Answer{IDs: make([]tokenizer.Token, a.Output), Finish: "length"}}
	for i := range o.Prompt {
		if piece := i / pieceTokens; piece < len(a.Blocks) {
			o.Prompt[i] = tokenizer.Token(a.Blocks[piece]*pieceTokens + i%pieceTokens)
		} else {
			o.Prompt[i] = -tokenizer.Token(r.count) // like no other's
		}
	}
	for i := range o.Answer.IDs {
		o.Answer.IDs[i] = r.known
	}
	return engine.NewSequence(o, r.config.Profile.BlockSize), received.Add(clock.Scaled(r.config.Profile.Frontend, r.config.Scale))
}

// ReadTrace reads a trace in the form that Mooncake published
// (kvcache-ai/Mooncake, FAST25-release): one JSON object a line, timestamps in
// milliseconds, and names of the 512-token pieces of the prompt.
func ReadTrace(r io.Reader) iter.Seq2[Arrival, error] {
	return func(yield func(Arrival, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, 16<<20)
		for n := 1; lines.Scan(); n++ {
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			var row struct {
				Timestamp *float64 `json:"timestamp"`
				Input     int      `json:"input_length"`
				Output    int      `json:"output_length"`
				Hashes    []int    `json:"hash_ids"`
			}
			err := json.Unmarshal(lines.Bytes(), &row)
			if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
				err = fmt.Errorf("there is a JSON %s where it does not belong", wrong.Value)
			}
			if err == nil && (row.Timestamp == nil || *row.Timestamp < 0) {
				err = fmt.Errorf(`no "timestamp"; a line reads {"timestamp": 0, "input_length": 512, "output_length": 128}`)
			}
			if err != nil {
				yield(Arrival{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(Arrival{At: ms(*row.Timestamp), Prompt: row.Input, Output: row.Output, Blocks: row.Hashes}, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Arrival{}, err)
		}
	}
}
