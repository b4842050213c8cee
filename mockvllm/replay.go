package mockvllm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"
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
// clock jumps from step to step. What happened to each request is told in the
// order in which they end. Faults count from the beginning of the trace.
func Replay(c Config, trace iter.Seq2[Arrival, error], tell func(Truth)) error {
	r, err := newReplay(c, tell)
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(trace)
	defer stop()
	index, last := -1, time.Duration(0)
	r.next = func() (*sequence, error) {
		a, err, ok := next()
		if err != nil || !ok {
			return nil, err
		}
		index++
		if a.At < last {
			return nil, fmt.Errorf("request %d of the trace is due before the one ahead of it", index+1)
		}
		if last = a.At; c.Profile.refuses(a) != nil {
			return nil, fmt.Errorf("request %d of the trace %w", index+1, c.Profile.refuses(a))
		}
		return r.sequence(a, index, r.begin), nil
	}
	return r.run()
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

type replay struct {
	config Config
	begin  time.Time
	engine *engine
	next   func() (*sequence, error)           // the next of the trace; nil if there is none
	follow func(ended *sequence, at time.Time) // lets whoever waited for the end ask again
	ahead  []*sequence                         // are known and not due yet, by when they are
	count  uint64
	known  token // one that answers are made of
}

func newReplay(c Config, tell func(Truth)) (*replay, error) {
	c.Truth = tell
	if err := c.check(); err != nil {
		return nil, err
	}
	for _, f := range c.Faults {
		if kind, _ := failing(f.Kind); kind.Requests || f.Kind == MetricsMissing || f.Kind == MetricsSlow || f.Kind == MetricsStale || f.Kind == MetricsReset {
			return nil, fmt.Errorf("%s happens between a server and its clients; a replay has none", f.Kind)
		}
	}
	begin := time.Unix(0, 0)
	faults := &mishaps{seed: c.Seed, scale: c.Scale}
	faults.add(begin, c.Faults...)
	r := &replay{config: c, begin: begin, engine: newEngine(c, faults, newMetrics(c)), known: wordIDs()[0]}
	r.follow = func(*sequence, time.Time) {}
	r.engine.ended = func(s *sequence, at time.Time) {
		truth := s.truth()
		truth.Ended, truth.Whole = at, s.finished() != "error"
		tell(truth)
		r.follow(s, at)
	}
	return r, nil
}

// run is the engine's loop on a clock that jumps.
func (r *replay) run() error {
	at := r.begin
	for {
		more, err := r.arrive(at)
		if err != nil {
			return err
		}
		if r.engine.idle() {
			if !more {
				return nil
			}
			at = r.ahead[0].queued.Add(settle)
			continue
		}
		at = r.engine.faults.thawed(at)
		at = at.Add(r.engine.begin(at))
		if _, err := r.arrive(at); err != nil {
			return err
		}
		r.engine.deliver(at)
	}
}

// arrive queues all requests up to an instant, and reports whether any are left.
func (r *replay) arrive(at time.Time) (more bool, err error) {
	for {
		if len(r.ahead) == 0 {
			s, err := r.next()
			if err != nil || s == nil {
				return false, err
			}
			r.ahead = append(r.ahead, s)
		}
		first := r.ahead[0]
		if !first.queued.Before(at) {
			return true, nil
		}
		r.engine.submit(first.queued, first)
		r.ahead = slices.Delete(r.ahead, 0, 1)
	}
}

// sequence is a request as the engine sees it; At counts from an instant.
func (r *replay) sequence(a Arrival, index int, since time.Time) *sequence {
	r.count++
	s := &sequence{identity: r.count, index: index, tokens: make([]token, a.Prompt, a.Prompt+a.Output), prompt: a.Prompt, maxTokens: a.Output, adapter: a.Adapter,
		given: min(a.Cached, a.Prompt-1), noCache: r.config.NoPrefixCache, whole: true, notify: make(chan struct{}, 1), copies: &copies{n: 1, left: 1},
		answer: answer{ids: make([]token, a.Output), finish: "length"}}
	s.root = rootOf(a.Adapter, "")
	for i := range s.tokens {
		if piece := i / pieceTokens; piece < len(a.Blocks) {
			s.tokens[i] = token(a.Blocks[piece]*pieceTokens + i%pieceTokens)
		} else {
			s.tokens[i] = -token(r.count) // like no other's
		}
	}
	for i := range s.answer.ids {
		s.answer.ids[i] = r.known
	}
	s.hashes = chain(s.root, s.tokens, r.config.Profile.BlockSize)
	s.received = since.Add(scaled(a.At, r.config.Scale))
	s.queued = s.received.Add(scaled(r.config.Profile.Frontend, r.config.Scale))
	return s
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
