package mockvllm

import (
	"slices"
	"sync"
	"time"
)

// engine runs the steps, in one goroutine. Handlers hand it sequences and read
// what it produces; everything they share is under mu, which is never held
// while anything waits.
type engine struct {
	config  Config
	profile Profile
	faults  *mishaps
	metrics *metrics

	mu       sync.Mutex
	incoming []*sequence
	unsorted bool // the incoming ones are
	aborted  []*sequence
	waiting  []*sequence
	running  []*sequence
	deferred int // of the waiting ones: held back by something else than room
	pool     *pool
	asleep   int                        // level of sleep
	back     map[string]bool            // what of a sleeping engine has been brought back
	cold     time.Time                  // since when the cold start is on that was suffered last
	ended    func(*sequence, time.Time) // is told of every sequence that ends; nil: nobody

	wake chan struct{}
	stop chan struct{}
	done chan struct{}
}

func newEngine(c Config, faults *mishaps, m *metrics) *engine {
	return &engine{
		config: c, profile: c.Profile, faults: faults, metrics: m, pool: newPool(c.Profile.Blocks),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
}

// submit queues sequences, as of an instant.
func (e *engine) submit(at time.Time, sequences ...*sequence) {
	e.mu.Lock()
	for _, s := range sequences {
		s.queued = at
	}
	e.incoming, e.unsorted = append(e.incoming, sequences...), true
	e.mu.Unlock()
	e.nudge()
}

// abort gives sequences up: their client has gone.
func (e *engine) abort(sequences ...*sequence) {
	e.mu.Lock()
	for _, s := range sequences {
		s.abortedAt = time.Now()
	}
	e.aborted = append(e.aborted, sequences...)
	e.mu.Unlock()
	e.nudge()
}

func (e *engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// queued are the requests that wait or run, and the prompt tokens among them
// that are not computed yet.
func (e *engine) queued() (requests, tokens int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, list := range [][]*sequence{e.incoming, e.waiting, e.running} {
		requests += len(list)
		for _, s := range list {
			tokens += max(0, s.prompt-s.computed)
		}
	}
	return requests, tokens
}

// sleep stops the engine, as to give its memory away: what runs is aborted and
// the cache forgotten. Level 0 wakes it again.
func (e *engine) sleep(level int) {
	e.mu.Lock()
	e.asleep, e.back = level, map[string]bool{}
	if now := time.Now(); level > 0 {
		e.evict(now, &e.incoming, "abort")
		e.evict(now, &e.waiting, "abort")
		e.evict(now, &e.running, "abort")
		e.pool.forget()
	}
	e.metrics.sleeping(level)
	e.mu.Unlock()
	e.nudge()
}

// wakeUp brings back what the tags name; all of it where there are none.
func (e *engine) wakeUp(tags []string) {
	e.mu.Lock()
	for _, tag := range tags {
		if e.back != nil {
			e.back[tag] = true
		}
	}
	awake := len(tags) == 0 || e.asleep == 0 || len(e.back) == 2
	e.mu.Unlock()
	if awake {
		e.sleep(0)
	}
}

// evict ends sequences before their time.
func (e *engine) evict(at time.Time, list *[]*sequence, finish string) {
	for _, s := range *list {
		e.pool.release(s.blocks)
		s.blocks = nil
		e.metrics.evicted(finish)
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
		if thawed := e.faults.thawed(at); thawed.After(at) {
			if at = thawed; !e.sleepUntil(at) {
				return
			}
		}
		length := e.begin(at)
		if now := time.Now(); length <= settle && now.After(at) {
			at = now // what takes no time cannot be made up for: whoever came meanwhile would wait for ever
		}
		if at = at.Add(length); !e.sleepUntil(at) {
			return
		}
		e.deliver(at)
	}
}

// idle reports whether there is nothing to do until somebody calls.
func (e *engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	work := len(e.incoming) + len(e.aborted) + len(e.waiting) + len(e.running)
	return work == 0 || e.asleep > 0 && len(e.aborted) == 0
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

// begin plans the step that begins at an instant and returns how long to wait
// for its end.
func (e *engine) begin(at time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asleep > 0 {
		e.drop(at)
		return settle
	}
	if _, _, dead := e.faults.of(Dead, at); dead {
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
func (e *engine) length(p plan, at time.Time) time.Duration {
	length := e.profile.StepTime(p.tokens, p.seqs, p.kv, p.pairs)
	if f, _, on := e.faults.of(Slow, at); on {
		length = time.Duration(float64(length) * f.Factor)
	}
	if f, since, on := e.faults.of(Cold, at); on && !since.Equal(e.cold) {
		length += f.Delay
		e.cold = since
	}
	return max(settle, scaled(length, e.config.Scale))
}

// deliver ends the step: who has computed all known tokens gets more.
func (e *engine) deliver(at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tokens := 0
	e.running = slices.DeleteFunc(e.running, func(s *sequence) bool {
		stepped := s.step > 0
		s.computed = min(s.computed+s.step, len(s.tokens))
		s.step = 0
		if !stepped || s.computed < len(s.tokens) {
			return false
		}
		if s.pooled { // ends with its prompt: there is nothing to generate
			s.first, s.last = at, at
			tokens += s.prompt - s.cached
			e.metrics.first(s, at)
		} else {
			tokens += e.generate(s, at)
		}
		if len(s.tokens)-s.prompt < len(s.answer.ids) {
			return false
		}
		e.pool.release(s.blocks)
		s.blocks = nil
		e.metrics.finished(s, at)
		s.end(s.answer.finish)
		if e.ended != nil {
			e.ended(s, at)
		}
		return true
	})
	e.metrics.iteration(tokens)
	e.gauges()
}

func (e *engine) gauges() {
	e.metrics.gauges(len(e.running), len(e.waiting), e.deferred, e.pool.usage())
}

// generate adds what a step produced to a sequence: a token, and those drafted
// ones that were right. It returns the tokens that vLLM counts for the
// iteration: the prompt's, when its prefill ended in it, and the new ones.
func (e *engine) generate(s *sequence, at time.Time) int {
	generated := len(s.tokens) - s.prompt
	fresh := e.config.Draft.burst(s, generated)
	for i := range fresh {
		s.tokens = append(s.tokens, s.answer.ids[generated+i])
		if size := e.profile.BlockSize; len(s.tokens)%size == 0 {
			s.hashes = append(s.hashes, link(s.root, s.hashes, s.tokens[len(s.tokens)-size:]))
		}
		if e.config.Truth != nil {
			s.times = append(s.times, at)
		}
	}
	s.computed = len(s.tokens) - 1 // a token that was drafted right is computed already
	counted := fresh
	if generated == 0 {
		s.first = at
		counted += s.prompt - s.cached
		e.metrics.first(s, at)
	} else {
		e.metrics.next(at.Sub(s.last))
		e.metrics.drafted(e.config.Draft.Tokens, fresh-1)
	}
	e.metrics.generated(fresh*(1+s.miscounted), s.preempted)
	s.preempted = 0
	s.last = at
	s.push(fresh)
	return counted
}

// burst is how many tokens a step yields to a sequence that has generated so
// many: it depends on the sequence only, so that whoever writes its answer can
// tell which tokens came together.
func (d Draft) burst(s *sequence, generated int) int {
	n := 1
	if generated > 0 {
		for n <= d.Tokens && chance(s.identity, uint64(generated), uint64(n)) < d.Acceptance {
			n++
		}
	}
	return min(n, len(s.answer.ids)-generated)
}
