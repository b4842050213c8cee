package slo

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// An estimate is a figure, the interval in which its true value lies, and how
// many requests or readings it rests on.
type estimate struct {
	value, lo, hi float64
	n             int
	effective     float64  // so many independent ones; 0 where that is no question
	unit          float64  // of a share: what it is multiplied by
	left          int      // requests of which it is not known how long they would have taken
	here          interval // the interval for requests as this run had them; lo and hi are for those of any run
	exact         bool     // a fact about this run: judged by its value alone
	reason        string   // why there is none
	open          string   // what would have to be known to decide, where no longer run would tell
	notes         []string
}

// An interval has two ends, which may be infinite.
type interval struct{ lo, hi float64 }

func exact(value float64, n int) estimate {
	return estimate{value: value, lo: value, hi: value, n: n, exact: true}
}

func without(reason string) estimate {
	return estimate{value: math.NaN(), lo: math.NaN(), hi: math.NaN(), reason: reason}
}

const nothingDue = "no request was due in the measured window: make the load longer"

// measure is a metric's statistic in the window. Failed requests stand as
// infinite in quantiles, if asked for, and are left out of means and extremes.
func (w *Window) measure(m metric.Metric, statistic string, failedAreWorst bool) estimate {
	switch of := m.Source.(type) {
	case metric.Total:
		return w.total(of)
	case metric.ErrorRate:
		return errorRate(w)
	case metric.Coalesced:
		return coalesced(w)
	case metric.Attainment:
		return w.share(of)
	case metric.Energy:
		return energy(w, of)
	case metric.Ratio:
		return w.watched.shareOf(of)
	case metric.Concurrency:
		return w.inFlight(statistic)
	case metric.Counter:
		return w.watched.risen(of.Feed, of.Series)
	case metric.Histogram:
		return w.bucketed(of.Name, statistic)
	case metric.Gauge:
		return w.watched.readings(of, statistic)
	case metric.Gap:
		if failedAreWorst && w.noneAnswered() {
			return neverCame(w.failed)
		}
		return w.gapsOf(of).measure(w, statistic)
	case metric.PerRequest:
		return w.distribution(m, w.figure(m.Name).tally, statistic, failedAreWorst)
	}
	return without(m.Name + " has no source")
}

// gapsOf are the gaps that a metric is made of.
func (w *Window) gapsOf(g metric.Gap) *gaps {
	if g.PerToken {
		return &w.tokenGaps
	}
	return &w.chunkGaps
}

func (w *Window) distribution(m metric.Metric, t *tally, statistic string, failedAreWorst bool) estimate {
	switch {
	case w.Due == 0:
		return without(nothingDue)
	case !m.IsOwn() && t.waits.N() > 0:
		return w.withCut(t, statistic, failedAreWorst)
	case t.values.N() == 0 && m.IsLatency() && failedAreWorst && w.noneAnswered():
		return neverCame(w.failed)
	case t.values.N() == 0:
		return without(fmt.Sprintf("none of %d requests has a %s", w.Due, m.Name))
	}
	worst, left := 0, 0
	var notes []string
	if !m.IsOwn() && failedAreWorst {
		worst = t.failed
	}
	if !m.IsOwn() {
		left = t.left
	}
	p, isQuantile := metric.Quantile(statistic)
	var e estimate
	if isQuantile {
		e = t.quantile(worst, left, p)
	} else {
		e = t.summary(statistic)
		if worst+left > 0 && statistic != "min" {
			e.hi, e.here.hi, e.exact = math.Inf(1), math.Inf(1), false // that of the others would flatter
		}
		if worst > 0 && statistic == "max" {
			e.value, e.lo, e.here.lo = e.hi, e.hi, e.hi
		}
		if worst > 0 && statistic == "mean" {
			e.open = fmt.Sprintf("%s without an answer had no %s, and a mean cannot count it: ask for a percentile, and for the error rate", quantity.Counted(worst, "request"), m.Name)
		}
	}
	switch {
	case worst > 0 && (isQuantile || statistic == "max"):
		notes = append(notes, quantity.Counted(t.failed, "request")+" without an answer counted as the worst")
	case t.failed > 0 && !m.IsOwn():
		notes = append(notes, fmt.Sprintf("%s without an answer left out", quantity.Counted(t.failed, "request")))
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("how long %s that users gave up would have taken is not known", quantity.Counted(left, "request")))
	}
	e.notes, e.left = append(e.notes, notes...), left
	return e
}

// quantile is that of the values and of so many more that are infinite. Of others
// that would have had a value, had their users not left, it is unknown: the upper
// end counts them as infinite, and the lower one as nothing.
func (t *tally) quantile(infinite, left int, p float64) estimate {
	n := t.values.N() + infinite + left
	e := estimate{value: t.values.Quantile(p, infinite), lo: math.Inf(-1), hi: math.Inf(1), n: t.values.N() + infinite}
	e.effective = float64(n) * t.order.EffectiveSize(p) / float64(t.order.N())
	between := func(effective float64) interval {
		s := interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > left {
			s.lo = t.values.Rank(low - left)
		}
		if high > 0 {
			s.hi = t.values.Rank(high)
		}
		return s
	}
	e.lasts(between(e.effective), between(float64(n)))
	return e
}

// run is the interval of this run.
func (e estimate) run() interval {
	if e.here == (interval{}) {
		return interval{e.lo, e.hi}
	}
	return e.here
}

// lasts sets the interval of any run, and that of this one.
func (e *estimate) lasts(any, here interval) { e.lo, e.hi, e.here = any.lo, any.hi, here }

// summary is a mean with its interval, or an extreme, which is a fact about this run.
func (t *tally) summary(statistic string) estimate {
	n := t.values.N()
	switch statistic {
	case "min":
		return exact(t.values.Rank(1), n)
	case "max":
		return exact(t.values.Rank(n), n)
	default:
		effective := float64(n)
		if t.order.N() > 0 {
			effective *= t.order.EffectiveSizeOfMean() / float64(t.order.N())
		}
		return meanOf(n, effective, t.mean.Interval)
	}
}

func meanOf(n int, effective float64, interval func(effective, confidence float64) (mean, lo, hi float64)) estimate {
	e := estimate{n: n, effective: effective}
	e.value, e.lo, e.hi = interval(effective, Confidence)
	_, e.here.lo, e.here.hi = interval(float64(n), Confidence)
	return e
}

// measure pools the gaps of all whole answers. Gaps of one answer are not
// independent of each other: the ranks of the interval are those of as many
// values as there are requests, carried over to the pooled gaps.
func (g *gaps) measure(w *Window, statistic string) estimate {
	n, pooled := g.mean.N, g.N()
	if pooled == 0 {
		return without("no answer had two chunks, or of this one the server does not tell how many tokens they hold")
	}
	p, isQuantile := metric.Quantile(statistic)
	switch {
	case statistic == "mean":
		effective := g.means.EffectiveSizeOfMean()
		return meanOf(n, effective, g.mean.Interval)
	case statistic == "min":
		return exact(g.Rank(1), n)
	case !isQuantile:
		return exact(g.Rank(pooled), n)
	}
	e := estimate{value: g.Quantile(p, 0), lo: math.Inf(-1), hi: math.Inf(1), n: n}
	e.effective = g.groups.EffectiveSize(e.value, p)
	between := func(effective float64) interval {
		s := interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > 0 {
			s.lo = min(e.value, g.Rank(min(pooled, low*pooled/n)))
		}
		if high > 0 {
			s.hi = max(e.value, g.Rank(min(pooled, high*pooled/n)))
		}
		return s
	}
	e.lasts(between(e.effective), between(float64(n)))
	return e
}
