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
	c.Truth = tell
	if err := c.check(); err != nil {
		return err
	}
	for _, f := range c.Faults {
		if kind, _ := failing(f.Kind); kind.Requests || f.Kind == MetricsMissing || f.Kind == MetricsSlow || f.Kind == MetricsStale || f.Kind == MetricsReset {
			return fmt.Errorf("%s happens between a server and its clients; a replay has none", f.Kind)
		}
	}
	begin := time.Unix(0, 0)
	faults := &mishaps{seed: c.Seed, scale: c.Scale}
	faults.add(begin, c.Faults...)
	r := &replay{config: c, begin: begin, engine: newEngine(c, faults, newMetrics(c)), known: wordIDs()[0]}
	r.engine.ended = func(s *sequence, at time.Time) {
		truth := s.truth()
		truth.Ended, truth.Whole = at, s.finished() != "error"
		tell(truth)
	}
	next, stop := iter.Pull2(trace)
	defer stop()
	r.next = next
	return r.run()
}

type replay struct {
	config Config
	begin  time.Time
	engine *engine
	next   func() (Arrival, error, bool)
	ahead  *sequence // has been read from the trace and is not due yet
	count  uint64
	last   time.Duration
	known  token // one that answers are made of
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
			at = r.ahead.queued.Add(settle)
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
		if r.ahead == nil {
			a, err, ok := r.next()
			if err != nil || !ok {
				return false, err
			}
			if r.ahead, err = r.sequence(a); err != nil {
				return false, err
			}
		}
		if !r.ahead.queued.Before(at) {
			return true, nil
		}
		r.engine.submit(r.ahead.queued, r.ahead)
		r.ahead = nil
	}
}

// sequence is a request as the engine sees it.
func (r *replay) sequence(a Arrival) (*sequence, error) {
	r.count++
	switch longest := r.config.Profile.MaxModelLen; {
	case a.At < r.last:
		return nil, fmt.Errorf("request %d of the trace is due before the one ahead of it", r.count)
	case a.Prompt < 1 || a.Output < 1:
		return nil, fmt.Errorf("request %d of the trace has %d prompt and %d output tokens; both must be at least 1", r.count, a.Prompt, a.Output)
	case a.Prompt+a.Output > longest:
		return nil, fmt.Errorf("request %d of the trace needs %d tokens; the context has %d", r.count, a.Prompt+a.Output, longest)
	}
	r.last = a.At
	s := &sequence{identity: r.count, index: int(r.count) - 1, tokens: make([]token, a.Prompt, a.Prompt+a.Output), prompt: a.Prompt, maxTokens: a.Output, adapter: a.Adapter,
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
	s.received = r.begin.Add(scaled(a.At, r.config.Scale))
	s.queued = s.received.Add(scaled(r.config.Profile.Frontend, r.config.Scale))
	return s, nil
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
