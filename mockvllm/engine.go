package mockvllm

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// engine runs the steps, in one goroutine. Handlers hand it sequences and read
// what it produces; everything they share is under mu, which is never held
// while anything waits.
type engine struct {
	profile Profile
	faults  []Fault
	metrics *metrics
	stamps  bool // keep the instant of every token

	mu       sync.Mutex
	incoming []*sequence
	unsorted bool // the incoming ones are
	aborted  []*sequence
	waiting  []*sequence
	running  []*sequence
	pool     *pool
	load     time.Time // when the load began: faults count from here

	wake chan struct{}
	stop chan struct{}
	done chan struct{}
}

// A sequence is one request inside the engine.
type sequence struct {
	identity uint64
	tokens   []int    // prompt, then what has been generated
	hashes   []uint64 // of the full blocks of tokens
	prompt   int      // how many of tokens are the prompt
	answer   answer
	computed int   // tokens whose KV is in the cache
	blocks   []int // that hold it
	step     int   // tokens computed in the step that is on

	received, queued, scheduled, first, last time.Time
	abortedAt                                time.Time
	maxTokens                                int         // as the request bounded them
	cached                                   int         // prompt tokens found in the cache at first admission
	preempted                                int         // preemptions not yet counted
	preemptions                              int         // in all
	times                                    []time.Time // of each token, where they are kept
	admitted                                 bool

	pooled bool // an embedding or a score: computed, nothing generated
	whole  bool // the handler waits for the end only: nothing is streamed
	mu     sync.Mutex
	ready  int // generated tokens the handler may send
	ended  bool
	notify chan struct{}
}

func newEngine(p Profile, faults []Fault, m *metrics) *engine {
	return &engine{
		profile: p, faults: faults, metrics: m, pool: newPool(p.Blocks), load: time.Now(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// submit queues a sequence, as of now.
func (e *engine) submit(s *sequence) {
	e.mu.Lock()
	s.queued = time.Now()
	e.incoming, e.unsorted = append(e.incoming, s), true
	e.mu.Unlock()
	e.nudge()
}

// abort gives a sequence up: its client has gone.
func (e *engine) abort(s *sequence) {
	e.mu.Lock()
	s.abortedAt = time.Now()
	e.aborted = append(e.aborted, s)
	e.mu.Unlock()
	e.nudge()
}

func (e *engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// settle is how long an idle engine lets an instant pass before it begins a
// step, so that all who arrive at that instant are in it.
const settle = time.Microsecond

// run steps until it is stopped. Deadlines are absolute: a step begins when the
// one before was due to end, however late this goroutine woke.
func (e *engine) run() {
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
		if thawed := e.thawed(at); thawed.After(at) {
			if at = thawed; !e.sleepUntil(at) {
				return
			}
		}
		length := e.schedule(at)
		if length == 0 {
			// What is here arrived at this very instant, or waits for blocks that
			// an abort of this instant will free.
			length = settle
		}
		at = at.Add(length)
		if !e.sleepUntil(at) {
			return
		}
		e.deliver(at)
	}
}

func (e *engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.incoming)+len(e.aborted)+len(e.waiting)+len(e.running) == 0
}

func (e *engine) thawed(at time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.load.Add(thaw(e.faults, at.Sub(e.load)))
}

func (e *engine) sleepUntil(at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-e.stop:
		return false
	}
}

// schedule plans the step that begins at an instant and returns its length.
func (e *engine) schedule(at time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(at)
	e.enqueue(at)
	p := plan{budget: e.profile.MaxBatchedTokens}
	preempted := e.continueRunning(&p)
	if !preempted {
		e.admit(&p, at)
	}
	e.metrics.gauges(len(e.running), len(e.waiting), e.pool.usage())
	return e.profile.StepTime(p.tokens, p.seqs, p.kv, p.pairs)
}

// plan is what a step will compute.
type plan struct {
	budget, tokens, seqs, kv int
	pairs                    float64
}

func (p *plan) add(s *sequence, n int) {
	s.step = n
	p.budget -= n
	p.tokens += n
	p.seqs++
	if n == 1 && s.computed >= s.prompt {
		p.kv += len(s.tokens)
	} else {
		p.pairs += float64(n) * (float64(s.computed) + float64(n)/2)
	}
}

// drop frees what was aborted before the step.
func (e *engine) drop(at time.Time) {
	e.aborted = slices.DeleteFunc(e.aborted, func(s *sequence) bool {
		if !s.abortedAt.Before(at) {
			return false
		}
		gone := func(other *sequence) bool { return other == s }
		e.pool.release(s.blocks)
		s.blocks = nil
		e.incoming = slices.DeleteFunc(e.incoming, gone)
		e.waiting = slices.DeleteFunc(e.waiting, gone)
		e.running = slices.DeleteFunc(e.running, gone)
		return true
	})
}

// enqueue moves what arrived before the step to the waiting queue, first come
// first served; within an instant the order is that of the requests' identity.
func (e *engine) enqueue(at time.Time) {
	if e.unsorted {
		slices.SortFunc(e.incoming, func(a, b *sequence) int {
			return cmp.Or(a.queued.Compare(b.queued), cmp.Compare(a.identity, b.identity))
		})
		e.unsorted = false
	}
	n := 0
	for n < len(e.incoming) && e.incoming[n].queued.Before(at) {
		n++
	}
	e.waiting = append(e.waiting, e.incoming[:n]...)
	e.incoming = slices.Delete(e.incoming, 0, n)
}

// continueRunning gives every running sequence its tokens, in order, and
// preempts from the tail when blocks run out. It reports whether it had to.
func (e *engine) continueRunning(p *plan) (preempted bool) {
	for i := 0; i < len(e.running); i++ {
		s := e.running[i]
		s.step = 0
		n := min(len(s.tokens)-s.computed, p.budget)
		if n <= 0 {
			continue
		}
		for !e.grow(s, n) {
			preempted = true
			victim := e.running[len(e.running)-1]
			e.preempt(victim)
			if victim == s {
				return true
			}
		}
		p.add(s, n)
	}
	return preempted
}

// grow gives a sequence the blocks for its next n tokens and names those that
// will be full, so that even a request of the same step can share them.
func (e *engine) grow(s *sequence, n int) bool {
	need := (s.computed+n+blockSize-1)/blockSize - len(s.blocks)
	if need > 0 {
		blocks, ok := e.pool.take(need)
		if !ok {
			return false
		}
		s.blocks = append(s.blocks, blocks...)
	}
	for i := s.computed / blockSize; i < (s.computed+n)/blockSize && i < len(s.hashes); i++ {
		e.pool.name(s.blocks[i], s.hashes[i])
	}
	return true
}

// preempt takes a running sequence's blocks and puts it first in the queue; it
// will be computed again from its beginning.
func (e *engine) preempt(s *sequence) {
	e.pool.release(s.blocks)
	s.blocks, s.computed, s.step = nil, 0, 0
	s.preempted++
	s.preemptions++
	e.running = e.running[:len(e.running)-1]
	e.waiting = slices.Insert(e.waiting, 0, s)
}

// admit takes waiting sequences in order while there is room, and stops at the
// first that does not fit: nobody overtakes.
func (e *engine) admit(p *plan, at time.Time) {
	for len(e.waiting) > 0 && p.budget > 0 && len(e.running) < e.profile.MaxSeqs {
		s := e.waiting[0]
		// The last token must be computed to know what follows it.
		hits := e.pool.find(s.hashes[:min(len(s.hashes), (len(s.tokens)-1)/blockSize)])
		need := (len(s.tokens)+blockSize-1)/blockSize - len(hits)
		if need > e.pool.free.length-e.pool.unused(hits) {
			return
		}
		e.pool.share(hits)
		s.blocks, s.computed = slices.Clone(hits), len(hits)*blockSize
		n := min(len(s.tokens)-s.computed, p.budget)
		if !e.grow(s, n) {
			e.pool.release(s.blocks)
			s.blocks, s.computed = nil, 0
			return
		}
		if !s.admitted {
			s.admitted, s.scheduled, s.cached = true, at, s.computed
			e.metrics.admitted(s.prompt, s.cached)
		}
		p.add(s, n)
		e.waiting = e.waiting[1:]
		e.running = append(e.running, s)
	}
}

// deliver ends the step: who has computed all known tokens gets one more.
func (e *engine) deliver(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tokens := 0
	e.running = slices.DeleteFunc(e.running, func(s *sequence) bool {
		s.computed += s.step
		stepped := s.step > 0
		s.step = 0
		if !stepped || s.computed < len(s.tokens) {
			return false
		}
		if s.pooled { // ends with its prompt: there is nothing to generate
			s.first, s.last = at, at
		} else {
			tokens += e.generate(s, at)
		}
		if len(s.tokens)-s.prompt < len(s.answer.ids) {
			return false
		}
		e.pool.release(s.blocks)
		s.blocks = nil
		e.metrics.finished(s, at)
		s.push(true)
		return true
	})
	e.metrics.iteration(tokens)
	e.metrics.gauges(len(e.running), len(e.waiting), e.pool.usage())
}

// generate adds one token to a sequence. It returns the tokens that vLLM counts
// for the iteration: the prompt's, when its prefill ended in it, and the new one.
func (e *engine) generate(s *sequence, at time.Time) int {
	generated := len(s.tokens) - s.prompt
	s.tokens = append(s.tokens, s.answer.ids[generated])
	if len(s.tokens)%blockSize == 0 {
		s.hashes = append(s.hashes, link(s.hashes, s.tokens[len(s.tokens)-blockSize:]))
	}
	if e.stamps {
		s.times = append(s.times, at)
	}
	tokens := 1
	if generated == 0 {
		s.first = at
		tokens += s.prompt - s.cached
		e.metrics.first(s, at)
	} else {
		e.metrics.next(at.Sub(s.last))
	}
	e.metrics.generated(s.preempted)
	s.preempted = 0
	s.last = at
	s.push(false)
	return tokens
}

// push lets the handler know of one more token, or that there are no more.
func (s *sequence) push(ended bool) {
	s.mu.Lock()
	if ended {
		s.ended = true
	} else {
		s.ready++
	}
	s.mu.Unlock()
	if s.whole && !ended {
		return
	}
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// progress is how many tokens are there, and whether they are all.
func (s *sequence) progress() (ready int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready, s.ended
}
