// Package ahead makes things in the background, in their order, a few before they are needed, and within one bound of
// bytes for all of a load.
package ahead

import (
	"iter"
	"sync"
)

// A Budget is how many bytes may be ready, in all queues together.
type Budget struct {
	mu          sync.Mutex
	most, first int
	used, last  int          // bytes that are ready or being made, and those of what was made last
	short       []*sync.Cond // of queues that wait for room
}

// NewBudget is a budget of so many bytes, of which each queue has the first before [Start] returns.
func NewBudget(most, first int) *Budget { return &Budget{most: most, first: first} }

// A Queue is what is ready. One goroutine makes it; another one takes it.
type Queue[T any] struct {
	budget *Budget
	most   int // items
	size   func(*T) int

	changed *sync.Cond // of all below; its lock is the budget's
	ready   []item[T]
	made    int  // bytes, of all
	waiting bool // for one that is needed now
	blocked bool // for want of room
	stopped bool // nothing is needed any more
	ended   bool
}

type item[T any] struct {
	of   T
	size int
}

// Start begins to make what a sequence yields, up to so many ahead, and returns when they are there, or the first
// bytes of the budget, or as many as it has room for.
func Start[T any](b *Budget, all iter.Seq[T], most int, size func(*T) int) *Queue[T] {
	q := &Queue[T]{budget: b, most: most, size: size, changed: sync.NewCond(&b.mu)}
	go q.makeAll(all)
	b.mu.Lock()
	defer b.mu.Unlock()
	for !q.ended && !q.blocked && len(q.ready) < most && (len(q.ready) == 0 || q.made < b.first) {
		q.changed.Wait()
	}
	return q
}

func (q *Queue[T]) makeAll(all iter.Seq[T]) {
	defer q.end()
	reserved, ok := q.reserve()
	if !ok {
		return
	}
	for one := range all {
		q.put(one, reserved)
		if reserved, ok = q.reserve(); !ok {
			return
		}
	}
	q.giveBack(reserved)
}

// reserve waits until one more may be made, and sets room aside for it; false where none is needed any more. What is
// needed at this moment is made whatever is ready elsewhere: it will be in flight.
func (q *Queue[T]) reserve() (bytes int, ok bool) {
	b := q.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	for !q.stopped && !(q.waiting && len(q.ready) == 0) {
		room := b.used == 0 || b.used+b.last <= b.most
		if room && len(q.ready) < q.most {
			break
		}
		if !room {
			b.short = append(b.short, q.changed)
		}
		q.blocked = !room
		q.changed.Broadcast()
		q.changed.Wait()
	}
	q.blocked = false
	b.used += b.last
	if q.stopped {
		b.free(b.last)
	}
	return b.last, !q.stopped
}

// put makes one ready for which room was set aside.
func (q *Queue[T]) put(one T, reserved int) {
	size := q.size(&one)
	b := q.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = size
	b.used += size
	b.free(reserved)
	q.ready, q.made = append(q.ready, item[T]{one, size}), q.made+size
	q.changed.Broadcast()
}

// giveBack gives the room back that was set aside for one which did not come.
func (q *Queue[T]) giveBack(reserved int) {
	q.budget.mu.Lock()
	defer q.budget.mu.Unlock()
	q.budget.free(reserved)
}

// free gives room back. The lock is held.
func (b *Budget) free(bytes int) {
	b.used -= bytes
	for _, waiting := range b.short {
		waiting.Broadcast()
	}
	b.short = nil
}

func (q *Queue[T]) end() {
	q.budget.mu.Lock()
	defer q.budget.mu.Unlock()
	q.ended = true
	q.changed.Broadcast()
}

// Next is the next one, which is waited for; false where the sequence has ended.
func (q *Queue[T]) Next() (one T, ok bool) {
	b := q.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(q.ready) == 0 && !q.ended {
		q.waiting = true
		q.changed.Broadcast()
		q.changed.Wait()
	}
	q.waiting = false
	if len(q.ready) == 0 {
		return one, false
	}
	first := q.ready[0]
	q.ready[0] = item[T]{}
	q.ready = q.ready[1:]
	b.free(first.size)
	q.changed.Broadcast()
	return first.of, true
}

// Stop ends the making, and lets go of what is ready; nothing is read any more once it returns.
func (q *Queue[T]) Stop() {
	b := q.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	q.stopped = true
	q.changed.Broadcast()
	for !q.ended {
		q.changed.Wait()
	}
	for _, one := range q.ready {
		b.free(one.size)
	}
	q.ready = nil
}
