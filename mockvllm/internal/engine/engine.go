// Package engine schedules sequences step by step as vLLM's V1 engine does: with
// continuous batching, chunked prefill, a KV cache of blocks, prefix caching and
// preemption. How long a step takes is a function that it is given.
package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/clock"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
)

// A Config is what an engine is given: a model on given hardware, and how it schedules.
type Config struct {
	// StepTime is how long a step takes: tokens in all, for so many sequences, with kv tokens
	// of context read by the decoding ones, and pairs of tokens that prefill attends over.
	StepTime         func(tokens, seqs, kv int, pairs float64) time.Duration
	Blocks           int // of the KV cache
	BlockSize        int // in tokens
	MaxSeqs          int // in one step
	MaxBatchedTokens int // in one step
	MaxAdapters      int // LoRA, in one step
	NoPrefixCache    bool
	Priority         bool // the most urgent request first, not the oldest
	Draft            Draft
	Scale            float64 // everything takes so many times less long
	KeepTimes        bool    // of every token
}

// A Draft is speculative decoding: every step checks so many guessed tokens, and
// takes them up to the first that is wrong. Each is right with the same chance.
type Draft struct {
	Tokens     int
	Acceptance float64
}

// An Engine runs the steps, in one goroutine. Handlers hand it sequences and read
// what it produces; everything they share is under mu, which is never held
// while anything waits.
type Engine struct {
	config  Config
	faults  *faults.Active
	metrics *metrics.Metrics

	mu       sync.Mutex
	incoming []*Sequence
	unsorted bool // the incoming ones are
	aborted  []*Sequence
	waiting  []*Sequence
	running  []*Sequence
	deferred int // of the waiting ones: held back by something else than room
	pool     *pool
	asleep   int                        // level of sleep
	back     map[string]bool            // what of a sleeping engine has been brought back
	cold     time.Time                  // since when the cold start is on that was suffered last
	ended    func(*Sequence, time.Time) // is called with every sequence that ends; nil: it is not

	wake chan struct{}
	stop chan struct{}
	done chan struct{}
}

// New is an engine that stands still until it is run; ended is called with every sequence that ends.
func New(c Config, active *faults.Active, m *metrics.Metrics, ended func(*Sequence, time.Time)) *Engine {
	return &Engine{
		config: c, faults: active, metrics: m, pool: newPool(c.Blocks), ended: ended,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// Submit queues sequences, as of an instant.
func (e *Engine) Submit(at time.Time, sequences ...*Sequence) {
	e.mu.Lock()
	for _, s := range sequences {
		s.queued = at
	}
	e.incoming, e.unsorted = append(e.incoming, sequences...), true
	e.mu.Unlock()
	e.nudge()
}

// Abort gives sequences up: their client has gone.
func (e *Engine) Abort(sequences ...*Sequence) {
	e.mu.Lock()
	for _, s := range sequences {
		s.abortedAt = time.Now()
	}
	e.aborted = append(e.aborted, sequences...)
	e.mu.Unlock()
	e.nudge()
}

func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Queued are the requests that wait or run, and the prompt tokens among them
// that are not computed yet.
func (e *Engine) Queued() (requests, tokens int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, list := range [][]*Sequence{e.incoming, e.waiting, e.running} {
		requests += len(list)
		for _, s := range list {
			tokens += max(0, s.prompt-s.computed)
		}
	}
	return requests, tokens
}

// Sleep stops the engine, as to give its memory away: what runs is aborted and
// the cache forgotten. Level 0 wakes it again.
func (e *Engine) Sleep(level int) {
	e.mu.Lock()
	e.asleep, e.back = level, map[string]bool{}
	if now := time.Now(); level > 0 {
		e.evict(now, &e.incoming, "abort")
		e.evict(now, &e.waiting, "abort")
		e.evict(now, &e.running, "abort")
		e.pool.forget()
	}
	e.metrics.Sleeping(level)
	e.mu.Unlock()
	e.nudge()
}

// Sleeping reports whether the engine sleeps, however deep.
func (e *Engine) Sleeping() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asleep > 0
}

// Forget empties the prefix cache, and reports whether it could: only when no block is in use.
func (e *Engine) Forget() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pool.forget()
}

// Truth is what happened to a sequence so far, on which the engine may still be at work.
func (e *Engine) Truth(s *Sequence) Truth {
	e.mu.Lock()
	defer e.mu.Unlock()
	return s.Truth()
}

// Stopped is closed when the engine is to stop.
func (e *Engine) Stopped() <-chan struct{} { return e.stop }

// Close stops an engine, and waits until it stands still where it was run.
func (e *Engine) Close(wait bool) {
	close(e.stop)
	if wait {
		<-e.done
	}
}

// Burst is how many tokens come together that begin with one of a sequence.
func (e *Engine) Burst(s *Sequence, generated int) int { return e.config.Draft.burst(s, generated) }

// WakeUp brings back what the tags name; all of it where there are none.
func (e *Engine) WakeUp(tags []string) {
	e.mu.Lock()
	for _, tag := range tags {
		if e.back != nil {
			e.back[tag] = true
		}
	}
	awake := len(tags) == 0 || e.asleep == 0 || len(e.back) == 2
	e.mu.Unlock()
	if awake {
		e.Sleep(0)
	}
}

// evict ends sequences before their time.
func (e *Engine) evict(at time.Time, list *[]*Sequence, finish string) {
	for _, s := range *list {
		e.pool.release(s.blocks)
		s.blocks = nil
		e.metrics.Evicted(finish)
		s.end(finish)
		if e.ended != nil {
			e.ended(s, at)
		}
	}
	*list = nil
}

const (
	// settle is how long an idle engine lets an instant pass before it begins a
	// step, so that all who arrive at that instant are in it.
	settle = time.Microsecond
	// stuck is how long an engine waits that can do nothing, for want of blocks.
	stuck = time.Millisecond
)

// Run steps until it is stopped. Deadlines are absolute: a step begins when the
// one before was due to end, however late this goroutine woke.
func (e *Engine) Run() {
	defer close(e.done)
	at := time.Now()
	for {
		if e.idle() {
			select {
			case <-e.wake:
			case <-e.stop:
				return
			}
			at = time.Now().Add(settle)
			if !e.sleepUntil(at) {
				return
			}
		}
		if thawed := e.faults.Thawed(at); thawed.After(at) {
			if at = thawed; !e.sleepUntil(at) {
				return
			}
		}
		length := e.begin(at)
		if now := time.Now(); length <= settle && now.After(at) {
			at = now // what takes no time cannot be made up for: what came meanwhile would wait for ever
		}
		if at = at.Add(length); !e.sleepUntil(at) {
			return
		}
		e.deliver(at)
	}
}

// idle reports whether there is nothing to do until a call.
func (e *Engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	work := len(e.incoming) + len(e.aborted) + len(e.waiting) + len(e.running)
	return work == 0 || e.asleep > 0 && len(e.aborted) == 0
}

func (e *Engine) sleepUntil(at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.stop:
		return false
	}
}

// begin plans the step that begins at an instant and returns how long to wait
// for its end.
func (e *Engine) begin(at time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asleep > 0 {
		e.drop(at)
		return settle
	}
	if _, _, dead := e.faults.On(faults.Dead, at); dead {
		e.drop(at)
		e.evict(at, &e.incoming, "error")
		e.evict(at, &e.waiting, "error")
		e.evict(at, &e.running, "error")
		return settle
	}
	p := e.schedule(at)
	switch {
	case p.tokens > 0:
		return e.length(p, at)
	case len(e.incoming) > 0 || len(e.aborted) > 0:
		return settle // they came, or left, at this very instant
	}
	return stuck
}

// length is how long a step takes, with what goes wrong.
func (e *Engine) length(p plan, at time.Time) time.Duration {
	length := e.config.StepTime(p.tokens, p.seqs, p.kv, p.pairs)
	if f, _, on := e.faults.On(faults.Slow, at); on {
		length = time.Duration(float64(length) * f.Factor)
	}
	if f, since, on := e.faults.On(faults.Cold, at); on && !since.Equal(e.cold) {
		length += f.Delay
		e.cold = since
	}
	return max(settle, clock.Scaled(length, e.config.Scale))
}

// deliver ends the step: who has computed all known tokens gets more.
func (e *Engine) deliver(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tokens := 0
	e.running = slices.DeleteFunc(e.running, func(s *Sequence) bool {
		stepped := s.step > 0
		s.computed = min(s.computed+s.step, len(s.tokens))
		s.step = 0
		if !stepped || s.computed < len(s.tokens) {
			return false
		}
		if s.Pooled { // ends with its prompt: there is nothing to generate
			s.first, s.last = at, at
			tokens += s.prompt - s.cached
			e.metrics.Prefilled(s.counted())
		} else {
			tokens += e.generate(s, at)
		}
		if len(s.tokens)-s.prompt < len(s.Answer.IDs) {
			return false
		}
		e.pool.release(s.blocks)
		s.blocks = nil
		facts := s.counted()
		if c := s.Copies; c.done(facts.Generated) {
			facts.Answers, facts.Longest = c.n, c.longest
		}
		e.metrics.Finished(facts, at)
		s.end(s.Answer.Finish)
		if e.ended != nil {
			e.ended(s, at)
		}
		return true
	})
	e.metrics.Iteration(tokens)
	e.gauges()
}

func (e *Engine) gauges() {
	e.metrics.Gauges(len(e.running), len(e.waiting), e.deferred, e.pool.usage())
}

// generate adds what a step produced to a sequence: a token, and those drafted
// ones that were right. It returns the tokens that vLLM counts for the
// iteration: the prompt's, when its prefill ended in it, and the new ones.
func (e *Engine) generate(s *Sequence, at time.Time) int {
	generated := len(s.tokens) - s.prompt
	fresh := e.config.Draft.burst(s, generated)
	for i := range fresh {
		s.tokens = append(s.tokens, s.Answer.IDs[generated+i])
		if size := e.config.BlockSize; len(s.tokens)%size == 0 {
			s.hashes = append(s.hashes, link(s.root, s.hashes, s.tokens[len(s.tokens)-size:]))
		}
		if e.config.KeepTimes {
			s.times = append(s.times, at)
		}
	}
	s.computed = len(s.tokens) - 1 // a token that was drafted right is computed already
	counted := fresh
	if generated == 0 {
		s.first = at
		counted += s.prompt - s.cached
		e.metrics.Prefilled(s.counted())
	} else {
		e.metrics.Gap(at.Sub(s.last))
		e.metrics.Drafted(e.config.Draft.Tokens, fresh-1)
	}
	e.metrics.Generated(fresh*(1+s.Miscounted), s.preempted)
	s.preempted = 0
	s.last = at
	s.push(fresh)
	return counted
}

// burst is how many tokens a step yields to a sequence that has generated so
// many: it depends on the sequence only, so that the writer of its answer knows
// which tokens came together.
func (d Draft) burst(s *Sequence, generated int) int {
	n := 1
	if generated > 0 {
		for n <= d.Tokens && hash.Chance(s.Identity, uint64(generated), uint64(n)) < d.Acceptance {
			n++
		}
	}
	return min(n, len(s.Answer.IDs)-generated)
}
