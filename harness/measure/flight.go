package measure

import (
	"container/heap"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// flight is how many requests were in flight between two instants. Requests come
// in the order of due times and are sent a little later, not always in the same
// order: one waits in begins until none can come any more that was sent before it.
type flight struct {
	from, to time.Duration
	area     time.Duration // of all requests' time inside
	n        int           // requests that were in flight at any time inside
	most     int

	begins spans     // not begun yet, the first one on top
	ends   durations // of those that are in flight
}

type span struct{ begin, end time.Duration }

func (f *flight) take(r *harness.Record) {
	s, inside := within(r, f.from, f.to)
	if !inside {
		return
	}
	f.area += s.end - s.begin
	f.n++
	heap.Push(&f.begins, s)
	f.advance(r.Due)
}

// within is when a request was in flight between two instants, if it was.
func within(r *harness.Record, from, to time.Duration) (s span, inside bool) {
	if r.Sent == harness.NoTime || r.Done == harness.NoTime || r.Done < from || r.Sent >= to {
		return s, false
	}
	return span{max(r.Sent, from), min(r.Done, to)}, true
}

// advance begins what begins by then. At one instant answers end before new
// requests begin.
func (f *flight) advance(by time.Duration) {
	for len(f.begins) > 0 && f.begins[0].begin <= by {
		s := heap.Pop(&f.begins).(span)
		for len(f.ends) > 0 && f.ends[0] <= s.begin {
			heap.Pop(&f.ends)
		}
		heap.Push(&f.ends, s.end)
		f.most = max(f.most, len(f.ends))
	}
}

// greatest number of requests at once.
func (f *flight) greatest() int {
	f.advance(math.MaxInt64)
	return f.most
}

type spans []span

func (s spans) Len() int           { return len(s) }
func (s spans) Less(i, j int) bool { return s[i].begin < s[j].begin }
func (s spans) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *spans) Push(x any)        { *s = append(*s, x.(span)) }
func (s *spans) Pop() any          { return pop((*[]span)(s)) }

type durations []time.Duration

func (d durations) Len() int           { return len(d) }
func (d durations) Less(i, j int) bool { return d[i] < d[j] }
func (d durations) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *durations) Push(x any)        { *d = append(*d, x.(time.Duration)) }
func (d *durations) Pop() any          { return pop((*[]time.Duration)(d)) }

func pop[T any](from *[]T) T {
	last := (*from)[len(*from)-1]
	*from = (*from)[:len(*from)-1]
	return last
}
