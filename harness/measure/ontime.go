package measure

import (
	"container/heap"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// lateness bounds how much of a request's latency may be the client's own doing: its
// own lag, and that of the requests which were in flight together with it. Of a queue
// that is served in the order of arrival, no departure moves by more than the arrivals
// did: had those requests come earlier by at most so much, this one would have been
// answered earlier by at most so much, and never later.
type lateness struct {
	atMost   int    // of which so many are kept before those that were answered are looked for
	inFlight lagged // sent late and not answered when the last request was due, the latest on top
}

// bound takes requests in the order of due times.
func (l *lateness) bound(r *harness.Record) time.Duration {
	for len(l.inFlight) > 0 && l.inFlight[0].until <= r.Due {
		heap.Pop(&l.inFlight)
	}
	own := max(0, r.Lag())
	most := own
	if len(l.inFlight) > 0 {
		most = max(most, l.inFlight[0].lag)
	}
	if own > 0 && r.Done > r.Due {
		heap.Push(&l.inFlight, late{own, r.Done})
		l.prune(r.Due)
	}
	return most
}

// prune lets those go that were answered, once they are likely to be most: only the top
// of the heap leaves by itself.
func (l *lateness) prune(now time.Duration) {
	if len(l.inFlight) < l.atMost {
		return
	}
	l.inFlight = slices.DeleteFunc(l.inFlight, func(r late) bool { return r.until <= now })
	heap.Init(&l.inFlight)
	l.atMost = 2*len(l.inFlight) + 1024
}

// A late request has a lag, and is in flight until then.
type late struct{ lag, until time.Duration }

type lagged []late

func (h lagged) Len() int           { return len(h) }
func (h lagged) Less(i, j int) bool { return h[i].lag > h[j].lag }
func (h lagged) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lagged) Push(x any)        { *h = append(*h, x.(late)) }
func (h *lagged) Pop() any          { return pop((*[]late)(h)) }

// onTime is a request as it would have been at best, had all been sent when they were
// due: its latency is shorter by that bound, and never below zero. The record is
// changed and not its figures, so that a metric of any formula has the lateness taken
// from it once.
func onTime(r *harness.Record, bound time.Duration) *harness.Record {
	if bound == 0 {
		return r
	}
	early := *r
	early.Due += bound
	if first := r.FirstToken(); first != harness.NoTime {
		early.Due = min(early.Due, max(r.Due, first))
	} else if r.Done != harness.NoTime {
		early.Due = min(early.Due, max(r.Due, r.Done))
	}
	return &early
}

// AtBest is a metric's statistic, had every request been sent when it was due.
func (w *Window) AtBest(m metric.Metric, statistic string, failedAreWorst bool) Estimate {
	if m.CountsGood() {
		at := *w
		at.Good = w.goodOnTime
		return at.Estimate(m, statistic, failedAreWorst)
	}
	return w.distribution(m, w.figure(m.PerRequest()).onTime, statistic, failedAreWorst)
}
