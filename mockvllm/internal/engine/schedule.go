package engine

import (
	"cmp"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
)

// plan is what a step will compute.
type plan struct {
	budget, tokens, seqs, kv int
	pairs                    float64
}

// put lets a sequence compute n tokens in the step.
func (p *plan) put(s *Sequence, n int) {
	s.step = n
	p.count(s, n, 1)
}

// take undoes put.
func (p *plan) take(s *Sequence) {
	if s.step > 0 {
		p.count(s, s.step, -1)
		s.step = 0
	}
}

func (p *plan) count(s *Sequence, n, sign int) {
	p.budget -= sign * n
	p.tokens += sign * n
	p.seqs += sign
	if s.computed >= s.prompt && s.computed == len(s.tokens)-1 {
		p.kv += sign * len(s.tokens)
	} else {
		p.pairs += float64(sign) * float64(n) * (float64(s.computed) + float64(n)/2)
	}
}

// schedule plans the step that begins at an instant as vLLM's V1 scheduler does
// (vllm/v1/core/sched/scheduler.py): who runs goes on, then who waits comes in.
func (e *Engine) schedule(at time.Time) plan {
	e.drop(at)
	e.enqueue(at)
	e.pool.withheld = 0
	if f, _, on := e.faults.On(faults.Shrink, at); on {
		e.pool.withheld = max(0, len(e.pool.blocks)-f.Blocks)
	}
	p := plan{budget: e.config.MaxBatchedTokens}
	e.deferred = 0
	if preempted := e.continueRunning(&p); !preempted {
		e.admit(&p, at)
	}
	e.gauges()
	e.metrics.Adapters(adaptersOf(e.running), adaptersOf(e.waiting))
	return p
}

// drop frees what was aborted before the step.
func (e *Engine) drop(at time.Time) {
	e.aborted = slices.DeleteFunc(e.aborted, func(s *Sequence) bool {
		if !s.abortedAt.Before(at) {
			return false
		}
		gone := func(other *Sequence) bool { return other == s }
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
func (e *Engine) enqueue(at time.Time) {
	if e.unsorted {
		slices.SortFunc(e.incoming, func(a, b *Sequence) int {
			return cmp.Or(a.queued.Compare(b.queued), cmp.Compare(a.Identity, b.Identity))
		})
		e.unsorted = false
	}
	n := 0
	for n < len(e.incoming) && e.incoming[n].queued.Before(at) {
		n++
	}
	e.waiting = append(e.waiting, e.incoming[:n]...)
	e.incoming = slices.Delete(e.incoming, 0, n)
	e.prioritize()
}

func (e *Engine) prioritize() {
	if e.config.Priority {
		slices.SortStableFunc(e.waiting, urgency)
	}
}

// urgency orders sequences by vLLM's priority policy: the lowest value first,
// then who came first.
func urgency(a, b *Sequence) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.queued.Compare(b.queued), cmp.Compare(a.Identity, b.Identity))
}

// continueRunning gives every running sequence its tokens, in order, and
// preempts when blocks run out: the last one, or the least urgent. It reports
// whether it had to.
func (e *Engine) continueRunning(p *plan) (preempted bool) {
	for i := 0; i < len(e.running); i++ {
		s := e.running[i]
		s.step = 0
		n := min(len(s.tokens)-s.computed+e.drafts(s), p.budget)
		if n <= 0 {
			continue
		}
		for !e.grow(s, n) {
			preempted = true
			victim := len(e.running) - 1
			if e.config.Priority {
				victim = slices.Index(e.running, slices.MaxFunc(e.running, urgency))
			}
			if victim < i {
				p.take(e.running[victim])
				i--
			}
			if e.preempt(victim) == s {
				return true
			}
		}
		p.put(s, n)
	}
	return preempted
}

// drafts are the guessed tokens that a decoding sequence has checked in a step.
func (e *Engine) drafts(s *Sequence) int {
	if len(s.tokens) == s.prompt || s.computed < len(s.tokens)-1 {
		return 0
	}
	return min(e.config.Draft.Tokens, len(s.Answer.IDs)-(len(s.tokens)-s.prompt)-1)
}

// grow gives a sequence the blocks for its next n tokens and names those that
// will be full, so that even a request of the same step can share them.
func (e *Engine) grow(s *Sequence, n int) bool {
	size := e.config.BlockSize
	need := (s.computed+n+size-1)/size - len(s.blocks)
	if need > 0 {
		blocks, ok := e.pool.take(need)
		if !ok {
			return false
		}
		s.blocks = append(s.blocks, blocks...)
	}
	if e.config.NoPrefixCache {
		return true
	}
	for i := s.computed / size; i < (s.computed+n)/size && i < len(s.hashes); i++ {
		e.pool.name(s.blocks[i], s.hashes[i])
	}
	return true
}

// preempt takes a running sequence's blocks and puts it first in the queue; it
// will be computed again from its beginning.
func (e *Engine) preempt(i int) *Sequence {
	s := e.running[i]
	e.pool.release(s.blocks)
	s.blocks, s.computed, s.step = nil, 0, 0
	s.preempted++
	s.preemptions++
	e.running = slices.Delete(e.running, i, i+1)
	e.waiting = slices.Insert(e.waiting, 0, s)
	e.prioritize()
	return s
}

// admit takes waiting sequences in order while there is room, and stops at the
// first that does not fit: none overtakes, save those whose adapter is loaded
// whom nothing else holds back.
func (e *Engine) admit(p *plan, at time.Time) {
	for next := 0; next < len(e.waiting) && p.budget > 0 && len(e.running) < e.config.MaxSeqs; {
		s := e.waiting[next]
		if !e.adapterFits(s) {
			e.deferred++
			next++
			continue
		}
		if !e.place(s, p, at) {
			return
		}
		e.waiting = slices.Delete(e.waiting, next, next+1)
		e.running = append(e.running, s)
	}
}

// place finds blocks for a sequence, some of which the cache may hold already,
// and lets it begin. The whole prompt must fit, or chunks of it would drive each
// other out.
func (e *Engine) place(s *Sequence, p *plan, at time.Time) bool {
	size := e.config.BlockSize
	var hits []int
	if !s.NoCache {
		// The last token must be computed to know what follows it.
		hits = e.pool.find(s.hashes[:min(len(s.hashes), (len(s.tokens)-1)/size)])
	}
	if need := (len(s.tokens)+size-1)/size - len(hits); need > e.pool.available()-e.pool.unused(hits) {
		return false
	}
	e.pool.share(hits)
	s.blocks, s.computed = slices.Clone(hits), max(len(hits)*size, s.AssumeCached)
	n := min(len(s.tokens)-s.computed, p.budget)
	if !e.grow(s, n) {
		e.pool.release(s.blocks)
		s.blocks, s.computed = nil, 0
		return false
	}
	if !s.admitted {
		s.admitted, s.scheduled, s.cached = true, at, s.computed
		if !s.NoCache || s.AssumeCached > 0 {
			e.metrics.Admitted(s.prompt, s.cached)
		}
	}
	p.put(s, n)
	return true
}

// adapterFits reports whether a sequence's adapter has, or gets, a slot.
func (e *Engine) adapterFits(s *Sequence) bool {
	if s.Adapter == "" {
		return true
	}
	used := map[string]bool{}
	for _, other := range e.running {
		if other.Adapter != "" {
			used[other.Adapter] = true
		}
	}
	return used[s.Adapter] || len(used) < e.config.MaxAdapters
}
