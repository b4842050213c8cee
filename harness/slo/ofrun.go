package slo

import "github.com/vllmspec/vllmspec/harness/stats"

// The figures of a run as a whole.

func requests(w *Window) estimate {
	if w.due == 0 {
		return without(nothingDue)
	}
	return exact(float64(w.due), w.due)
}

func (w *Window) perSecond(amount float64) estimate {
	if w.due == 0 || w.seconds() <= 0 {
		return without(nothingDue)
	}
	return exact(amount/w.seconds(), w.due)
}

func requestRate(w *Window) estimate { return w.perSecond(float64(w.due)) }

func requestThroughput(w *Window) estimate { return w.perSecond(float64(w.ended)) }

func outputThroughput(w *Window) estimate {
	if !w.told {
		return without("the server told no token counts: it must support stream_options.include_usage")
	}
	return w.perSecond(w.tokens)
}

// errorRate is a fact: these are all the requests there were.
func errorRate(w *Window) estimate {
	if w.due == 0 {
		return without(nothingDue)
	}
	return exact(float64(w.failed)/float64(w.due), w.due)
}

// coalesced is the share of chunks whose own arrival nobody knows.
func coalesced(w *Window) estimate {
	if w.chunks == 0 {
		return without("no answer had any content")
	}
	return exact(float64(w.shared)/float64(w.chunks), w.chunks)
}

func attainment(w *Window) estimate {
	if w.due == 0 {
		return without(nothingDue)
	}
	for _, o := range w.run.Scenario.Good {
		if o.Metric == "TPOT" && !w.told {
			return without("what makes a request good is its TPOT, but the server told no token counts: it must support stream_options.include_usage")
		}
	}
	worth := w.worthOfGood()
	e := estimate{value: float64(w.good) / float64(w.due), n: w.due, worth: worth}
	e.lo, e.hi = stats.Share(w.good, w.due, worth, confidence)
	e.here.lo, e.here.hi = stats.Share(w.good, w.due, float64(w.due), confidence)
	return e
}

// dense is the quantile that shows how requests depend on each other where misses
// are too rare to: every tenth request lies beyond it.
const dense = 0.9

// worthOfGood is how many independent requests tell as much of their being good as
// these do: by those that are not, and by the latencies that would make them so.
func (w *Window) worthOfGood() float64 {
	share := w.goods.WorthOfMean() / float64(w.goods.N())
	for _, o := range w.run.Scenario.Good {
		if order := &w.figure(o.Metric).order; order.N() > 0 {
			share = min(share, order.Worth(dense)/float64(order.N()))
		}
	}
	return share * float64(w.due)
}

func goodput(w *Window) estimate {
	rate := requestRate(w)
	if rate.reason != "" {
		return rate
	}
	e := attainment(w)
	e.value, e.lo, e.hi = e.value*rate.value, e.lo*rate.value, e.hi*rate.value
	e.here = span64{e.here.lo * rate.value, e.here.hi * rate.value}
	return e
}

// inFlight is the mean or the greatest number of requests in flight.
func (w *Window) inFlight(statistic string) estimate {
	switch {
	case w.soFar:
		return without("it is known at the end of the run")
	case w.flight.n == 0 || w.seconds() <= 0:
		return without(nothingDue)
	case statistic == "max":
		return exact(float64(w.flight.greatest()), w.flight.n)
	}
	return exact(w.flight.area.Seconds()/w.seconds(), w.flight.n)
}
