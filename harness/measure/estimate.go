package measure

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// An Estimate is a figure, the interval in which its true value lies, and how
// many requests or readings it rests on.
type Estimate struct {
	Value, Lo, Hi float64
	N             int
	Effective     float64  // so many independent ones; 0 where that is no question
	Unit          float64  // of a share: what it is multiplied by
	Left          int      // requests of which it is not known how long they would have taken
	here          Interval // the interval for requests as this run had them; lo and hi are for those of any run
	Exact         bool     // a fact about this run: judged by its value alone
	Reason        string   // why there is none
	Open          string   // what would have to be known to decide, where no longer run would tell
	Notes         []string
}

// An Interval has two ends, which may be infinite.
type Interval struct{ Lo, Hi float64 }

func exact(value float64, n int) Estimate {
	return Estimate{Value: value, Lo: value, Hi: value, N: n, Exact: true}
}

func without(reason string) Estimate {
	return Estimate{Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Reason: reason}
}

const NothingDue = "no request was due in the measured window: make the load longer"

// Estimate is a metric's statistic in the window. Failed requests stand as
// infinite in quantiles, if asked for, and are left out of means and extremes.
func (w *Window) Estimate(m metric.Metric, statistic string, failedAreWorst bool) Estimate {
	if over := w.Run.Scenario.Interface; !m.Means(over.Answers) {
		return without(metric.Meaningless(m, over))
	}
	switch of := m.Source.(type) {
	case metric.Total:
		return w.total(of)
	case metric.ErrorRate:
		return errorRate(w)
	case metric.ValidAnswers:
		return valid(w)
	case metric.Coalesced:
		return Coalesced(w)
	case metric.Attainment:
		return w.share(of)
	case metric.Energy:
		return energy(w, of)
	case metric.Ratio:
		return w.Sampled.shareOf(of)
	case metric.Concurrency:
		return inFlight(w, statistic)
	case metric.Counter:
		return w.Sampled.risen(of.Feed, of.Series)
	case metric.Histogram:
		return w.bucketed(of.Name, statistic)
	case metric.Gauge:
		return w.Sampled.readings(of, statistic)
	case metric.Gap:
		if failedAreWorst && w.noneAnswered() {
			return neverCame(w.Failed)
		}
		return w.gapsOf(of).measure(w, statistic)
	case metric.PerRequest:
		return w.distribution(m, w.figure(of).tally, statistic, failedAreWorst)
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

func (w *Window) distribution(m metric.Metric, t *tally, statistic string, failedAreWorst bool) Estimate {
	switch {
	case w.Due == 0:
		return without(NothingDue)
	case !m.IsOwn() && t.waits.N() > 0:
		return withCut(w, t, statistic, failedAreWorst)
	case t.values.N() == 0 && m.IsLatency() && failedAreWorst && w.noneAnswered():
		return neverCame(w.Failed)
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
	var e Estimate
	if isQuantile {
		e = t.quantile(worst, left, p)
	} else {
		e = t.summary(statistic)
		if worst+left > 0 && statistic != "min" {
			e.Hi, e.here.Hi, e.Exact = math.Inf(1), math.Inf(1), false // that of the others would flatter
		}
		if worst > 0 && statistic == "max" {
			e.Value, e.Lo, e.here.Lo = e.Hi, e.Hi, e.Hi
		}
		if worst > 0 && statistic == "mean" {
			e.Open = fmt.Sprintf("%s without an answer had no %s, and a mean cannot count it: ask for a percentile, and for the error rate", quantity.Counted(worst, "request"), m.Name)
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
	e.Notes, e.Left = append(e.Notes, notes...), left
	return e
}

// quantile is that of the values and of so many more that are infinite. Of others
// that would have had a value, had their users not left, it is unknown: the upper
// end counts them as infinite, and the lower one as nothing.
func (t *tally) quantile(infinite, left int, p float64) Estimate {
	n := t.values.N() + infinite + left
	e := Estimate{Value: t.values.Quantile(p, infinite), Lo: math.Inf(-1), Hi: math.Inf(1), N: t.values.N() + infinite}
	e.Effective = float64(n) * t.order.EffectiveSize(p) / float64(t.order.N())
	between := func(effective float64) Interval {
		s := Interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > left {
			s.Lo = t.values.Rank(low - left)
		}
		if high > 0 {
			s.Hi = t.values.Rank(high)
		}
		return s
	}
	e.lasts(between(e.Effective), between(float64(n)))
	return e
}

// ThisRun is the interval of this run.
func (e Estimate) ThisRun() Interval {
	if e.here == (Interval{}) {
		return Interval{e.Lo, e.Hi}
	}
	return e.here
}

// lasts sets the interval of any run, and that of this one.
func (e *Estimate) lasts(anyRun, here Interval) { e.Lo, e.Hi, e.here = anyRun.Lo, anyRun.Hi, here }

// summary is a mean with its interval, or an extreme, which is a fact about this run.
func (t *tally) summary(statistic string) Estimate {
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

func meanOf(n int, effective float64, interval func(effective, confidence float64) (mean, lo, hi float64)) Estimate {
	e := Estimate{N: n, Effective: effective}
	e.Value, e.Lo, e.Hi = interval(effective, Confidence)
	_, e.here.Lo, e.here.Hi = interval(float64(n), Confidence)
	return e
}

// measure pools the gaps of all whole answers. Gaps of one answer are not
// independent of each other: the ranks of the interval are those of as many
// values as there are requests, carried over to the pooled gaps.
func (g *gaps) measure(w *Window, statistic string) Estimate {
	n, pooled := g.mean.N, g.N()
	if pooled == 0 {
		return without("no answer is known to have two chunks, or of this one the server does not tell how many tokens they hold")
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
	e := Estimate{Value: g.Quantile(p, 0), Lo: math.Inf(-1), Hi: math.Inf(1), N: n}
	e.Effective = g.groups.EffectiveSize(e.Value, p)
	between := func(effective float64) Interval {
		s := Interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > 0 {
			s.Lo = min(e.Value, g.Rank(min(pooled, low*pooled/n)))
		}
		if high > 0 {
			s.Hi = max(e.Value, g.Rank(min(pooled, high*pooled/n)))
		}
		return s
	}
	e.lasts(between(e.Effective), between(float64(n)))
	return e
}
