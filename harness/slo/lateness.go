package slo

import (
	"container/heap"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
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
	if first := r.FirstToken(); first != harness.Never {
		early.Due = min(early.Due, max(r.Due, first))
	} else if r.Done != harness.Never {
		early.Due = min(early.Due, max(r.Due, r.Done))
	}
	return &early
}

// standsOnTime reports whether sending on time can only have made the outcome clearer:
// latencies would have been shorter, and more requests good.
func (w *Window) standsOnTime(m Metric, v Verdict) bool {
	helped, hindered := harness.AtMost, harness.AtLeast
	if m.ofGood {
		helped, hindered = hindered, helped
	}
	return v.Relation == helped && v.Outcome == Met || v.Relation == hindered && v.Outcome == Missed
}

// ownLateness says that another outcome is possible had every request been sent when
// it was due; "" where it is not.
func (w *Window) ownLateness(m Metric, v Verdict) string {
	if w.standsOnTime(m, v) {
		return ""
	}
	var best estimate
	if m.ofGood {
		at := *w
		at.good = w.goodOnTime
		best = m.Figure(&at)
	} else {
		best = w.distribution(m, w.figure(m.Name).onTime, v.Statistic, v.Relation != harness.AtLeast)
	}
	other := Verdict{Objective: v.Objective}
	if other.settle(best); other.Outcome == v.Outcome {
		return ""
	}
	return fmt.Sprintf("the client's own lateness decides: had every request been sent when it was due, it could have been %s; give the client a free core%s",
		quantity.Format(best.value, m.Unit), w.Starved())
}

// distortion is by what share the server had less or more to do at a time than had all
// requests been sent when they were due: mean lag ÷ mean time in flight, by Little's
// law. Where requests wait for slots, the scenario wants it so.
func (w *Window) distortion() float64 {
	lags, flying := w.figure("lag"), w.figure("E2E latency since sent")
	if w.bounded() || lags.values.N() == 0 || flying.values.N() == 0 || flying.mean.Mean() <= 0 {
		return 0
	}
	return lags.mean.Mean() / flying.mean.Mean()
}

// distorted is how far off a figure may be that rests on how much the server had to do
// at a time: by as large a share of it.
func (w *Window) distorted(m Metric, v Verdict) stampError {
	if !LoadShape.covers(m, nil) || m.ofGood {
		return stampError{}
	}
	share := w.distortion()
	return stampError{share * math.Abs(v.Value), fmt.Sprintf("the client's own lateness decides: late by %s on average, it changed by %s how much the server had to do at a time; give the client a free core%s",
		quantity.Format(w.figure("lag").mean.Mean(), quantity.Seconds), quantity.Format(share, quantity.Ratio), w.Starved())}
}

// How far the course of a load may be from the one that was asked for.
const (
	lagFloor  = 0.100 // s; a p99 lag below it changes no course that anyone asked for
	lagShare  = 0.10  // of the tightest latency limit
	shapeMost = 0.05  // distortion beyond which no share of a figure bounds it
)

// lateness is that of sends. A request that waits for a slot is late because the
// scenario says so. Latencies from due are bounded one by one; what else the server
// did depends on how much it had to do at a time, which late sends make less of.
func (w *Window) lateness() Check {
	lags := w.figure("lag")
	if w.bounded() || lags.values.N() == 0 {
		return Check{}
	}
	lag, bound := lags.values.Quantile(.99, 0), lagBound(w.Run.Scenario)
	c := Check{Name: "p99 lag of sends", Value: quantity.Format(lag, quantity.Seconds), Bound: "at most " + quantity.Format(bound, quantity.Seconds), Voids: LoadShape}
	if lag <= bound {
		return c
	}
	c.Advice = "give the client a free core, or lower the rate"
	if w.figure("E2E latency since sent").values.N() == 0 || w.distortion() > shapeMost {
		c.Reason = fmt.Sprintf("the client was late: p99 lag was %s, more than %s%s; %s", c.Value, quantity.Format(bound, quantity.Seconds), w.Starved(), c.Advice)
	}
	return c
}
