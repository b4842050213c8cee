package slo

import (
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// The figures of a run as a whole.

// total is how much there was of something.
func (w *Window) total(t metric.Total) estimate {
	amount := 0.0
	switch t.Of {
	case metric.Due:
		amount = float64(w.Due)
	case metric.Ended:
		amount = float64(w.ended)
	case metric.OutputTokens:
		if !w.told && !w.noneAnswered() {
			return without("the server reported no token counts: it must support stream_options.include_usage")
		}
		amount = w.tokens
	case metric.Good:
		amount = float64(w.good)
	}
	switch {
	case t.PerSecond:
		return w.perSecond(amount)
	case w.Due == 0:
		return without(nothingDue)
	}
	return exact(amount, w.Due)
}

func (w *Window) perSecond(amount float64) estimate {
	if w.Due == 0 || w.Seconds() <= 0 {
		return without(nothingDue)
	}
	return exact(amount/w.Seconds(), w.Due)
}

// errorRate is a fact: these are all the requests there were.
func errorRate(w *Window) estimate {
	if w.Due == 0 {
		return without(nothingDue)
	}
	if w.cut > 0 {
		return w.errorsWithCut()
	}
	return exact(float64(w.failed)/float64(w.Due), w.Due)
}

// coalesced is the share of chunks whose own arrival is unknown.
func coalesced(w *Window) estimate {
	if w.chunks == 0 {
		return without("no answer had any content")
	}
	return exact(float64(w.shared)/float64(w.chunks), w.chunks)
}

func attainment(w *Window) estimate {
	if w.Due == 0 {
		return without(nothingDue)
	}
	for _, o := range w.Run.Scenario.Good {
		if m, err := metric.Lookup(o.Metric); err == nil && m.IsLatency() && m.NeedsTokenCounts() && !w.told && !w.noneAnswered() {
			return without("what makes a request good is its " + m.Name + ", but the server reported no token counts: it must support stream_options.include_usage")
		}
	}
	if w.goods.N() == 0 {
		return without(undecided(w.cut, "whether they would have been good is not known"))
	}
	effective := w.effectiveOfGood()
	e := estimate{value: float64(w.good) / float64(w.Due), n: w.Due, effective: effective, unit: 1}
	e.lo, e.hi = stats.Share(w.good, w.Due, effective, Confidence)
	e.here.lo, e.here.hi = stats.Share(w.good, w.Due, float64(w.Due), Confidence)
	if w.maybe > 0 {
		return w.attainmentWithCut(e)
	}
	return e
}

// dense is the quantile that shows how requests depend on each other where misses
// are too rare to: every tenth request lies beyond it.
const dense = 0.9

// effectiveOfGood is how many independent requests tell as much of their being good as
// these do: by those that are not, and by the latencies that would make them so.
func (w *Window) effectiveOfGood() float64 {
	share := w.goods.EffectiveSizeOfMean() / float64(w.goods.N())
	for _, o := range w.Run.Scenario.Good {
		if order := &w.figure(o.Metric).order; order.N() > 0 {
			share = min(share, order.EffectiveSize(dense)/float64(order.N()))
		}
	}
	return share * float64(w.Due)
}

// share is attainment, or goodput.
func (w *Window) share(of metric.Attainment) estimate {
	if !of.PerSecond {
		return attainment(w)
	}
	rate := w.total(metric.Total{Of: metric.Due, PerSecond: true})
	if rate.reason != "" {
		return rate
	}
	e := attainment(w)
	e.value, e.lo, e.hi = e.value*rate.value, e.lo*rate.value, e.hi*rate.value
	e.here, e.unit = interval{e.here.lo * rate.value, e.here.hi * rate.value}, rate.value
	return e
}

// inFlight is the mean or the greatest number of requests in flight.
func (w *Window) inFlight(statistic string) estimate {
	switch {
	case w.soFar:
		return without("it is known at the end of the run")
	case w.flight.n == 0 || w.Seconds() <= 0:
		return without(nothingDue)
	case statistic == "max":
		return exact(float64(w.flight.greatest()), w.flight.n)
	}
	return exact(w.flight.area.Seconds()/w.Seconds(), w.flight.n)
}
