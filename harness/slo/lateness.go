package slo

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// standsOnTime reports whether sending on time can only have made the outcome clearer:
// latencies would have been shorter, and more requests good.
func (w judgement) standsOnTime(m metric.Metric, v Verdict) bool {
	helped, hindered := harness.AtMost, harness.AtLeast
	if m.CountsGood() {
		helped, hindered = hindered, helped
	}
	return v.Relation == helped && v.Outcome == Met || v.Relation == hindered && v.Outcome == Missed
}

// ownLateness says that another outcome is possible had every request been sent when
// it was due; "" where it is not.
func (w judgement) ownLateness(m metric.Metric, v Verdict) string {
	if w.standsOnTime(m, v) {
		return ""
	}
	best := w.AtBest(m, v.Statistic, v.Relation != harness.AtLeast)
	other := Verdict{Objective: v.Objective}
	if other.settle(best); other.Outcome == v.Outcome {
		return ""
	}
	return fmt.Sprintf("the client's own lateness decides: had every request been sent when it was due, it could have been %s; give the client a free core%s",
		quantity.Format(best.Value, m.Unit), w.Starved())
}

// distortion is by what share the server had less or more to do at a time than had all
// requests been sent when they were due: mean lag ÷ mean time in flight, by Little's
// law. Where requests wait for slots, the scenario wants it so.
func (w client) distortion() float64 {
	flying := w.Mean(metric.InFlight())
	if w.bounded() || w.Values(metric.Lag()).N() == 0 || w.Values(metric.InFlight()).N() == 0 || flying <= 0 {
		return 0
	}
	return w.Mean(metric.Lag()) / flying
}

// distorted is how far off a figure may be that rests on how much the server had to do
// at a time: by as large a share of it.
func (w client) distorted(m metric.Metric, v Verdict) stampError {
	if !LoadShape.covers(m, nil) || m.CountsGood() {
		return stampError{}
	}
	share := w.distortion()
	return stampError{share * math.Abs(v.Value), fmt.Sprintf("the client's own lateness decides: late by %s on average, it changed by %s how much the server had to do at a time; give the client a free core%s",
		quantity.Format(w.Mean(metric.Lag()), quantity.Seconds), quantity.Format(share, quantity.Ratio), w.Starved())}
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
func (w client) lateness() Check {
	lags := w.Values(metric.Lag())
	if w.bounded() || lags.N() == 0 {
		return Check{}
	}
	lag, bound := lags.Quantile(.99, 0), lagBound(w.Run.Scenario)
	c := Check{Name: "p99 lag of sends", Value: quantity.Format(lag, quantity.Seconds), Bound: "at most " + quantity.Format(bound, quantity.Seconds), Voids: LoadShape}
	if lag <= bound {
		return c
	}
	c.Advice = "give the client a free core, or lower the rate"
	if w.Values(metric.InFlight()).N() == 0 || w.distortion() > shapeMost {
		c.Reason = fmt.Sprintf("the client was late: p99 lag was %s, more than %s%s; %s", c.Value, quantity.Format(bound, quantity.Seconds), w.Starved(), c.Advice)
	}
	return c
}
