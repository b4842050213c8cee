package slo

import (
	"fmt"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Requests that we cut off ourselves, by stopping the run or at the end of the grace after
// the load, are right-censored: they took at least as long as they had waited by then, and
// whether they would have been good or errors is not known. The lower end of an interval
// counts them with what they had waited, and the upper one as infinite; the share of errors
// lies between that without them and that with all of them.

// noneAnswered reports whether every request failed.
func (w *Window) noneAnswered() bool { return w.failed > 0 && w.failed == w.Due }

// neverCame is a latency of requests that all failed: each counts as the worst.
func neverCame(failed int) estimate {
	e := exact(math.Inf(1), failed)
	e.notes = []string{quantity.Counted(failed, "request") + " without an answer counted as the worst"}
	return e
}

// waited is the least that a metric of a cut request can be.
func (f *figured) waited(r *harness.Record) float64 {
	if l, ok := f.Source.(metric.Latency); ok {
		return l.Waited(r)
	}
	return 0
}

// cut takes a request that was cut, after it had waited so long.
func (t *tally) cut(waited float64) {
	if t.waits.N() == 0 {
		t.atLeast = t.mean
	}
	t.waits.Add(waited)
	t.atLeast.Add(waited)
}

// least are the values, and of requests that were cut how long they had waited.
func (t *tally) least() *stats.Values {
	all := new(stats.Values)
	all.Merge(&t.values)
	all.Merge(&t.waits)
	return all
}

// censored is a statistic of values some of which are known to be above something only.
func (t *tally) censored(statistic string, infinite, left int) estimate {
	least := t.least()
	if p, ok := metric.Quantile(statistic); ok {
		return t.censoredQuantile(least, infinite, left, p)
	}
	n := least.N()
	e := estimate{n: n, hi: math.Inf(1)}
	switch statistic {
	case "min":
		e.value = least.Rank(1)
		e.lo = e.value
		if t.values.N() > 0 {
			e.value, e.hi = t.values.Rank(1), t.values.Rank(1)
		}
	case "max":
		e.value = least.Rank(n)
		e.lo = e.value
	default:
		effective := 1.0
		if t.order.N() > 0 {
			effective = float64(n) * t.order.EffectiveSizeOfMean() / float64(t.order.N())
		}
		e = meanOf(n, effective, t.atLeast.Interval)
		e.hi, e.here.hi = math.Inf(1), math.Inf(1)
		return e
	}
	e.here = interval{e.lo, e.hi}
	return e
}

func (t *tally) censoredQuantile(least *stats.Values, infinite, left int, p float64) estimate {
	n := least.N() + infinite + left
	e := estimate{value: least.Quantile(p, infinite), n: least.N() + infinite, effective: 1}
	if t.order.N() > 0 {
		e.effective = float64(n) * t.order.EffectiveSize(p) / float64(t.order.N())
	}
	between := func(effective float64) interval {
		s := interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > left {
			s.lo = least.Rank(low - left)
		}
		if high > 0 {
			s.hi = t.values.Rank(high)
		}
		return s
	}
	e.lasts(between(e.effective), between(float64(n)))
	return e
}

// withCut is a statistic of a metric of requests some of which were cut.
func (w *Window) withCut(t *tally, statistic string, failedAreWorst bool) estimate {
	worst := 0
	if failedAreWorst {
		worst = t.failed
	}
	e := t.censored(statistic, worst, t.left)
	if _, isQuantile := metric.Quantile(statistic); worst > 0 && !isQuantile && statistic != "min" {
		e.hi, e.here.hi = math.Inf(1), math.Inf(1)
		if statistic == "max" {
			e.value, e.lo, e.here.lo = e.hi, e.hi, e.hi
		}
	}
	if t.failed > 0 {
		as := " without an answer left out"
		if worst > 0 {
			as = " without an answer counted as the worst"
		}
		e.notes = append(e.notes, quantity.Counted(t.failed, "request")+as)
	}
	if e.left = t.left; math.IsInf(e.hi, 1) && e.open == "" {
		e.open = undecided(t.waits.N(), "how long they would have taken is not known")
	}
	e.notes = append(e.notes, fmt.Sprintf("%s had no end when we stopped waiting: they took at least as long as they had waited", quantity.Counted(t.waits.N(), "request")))
	return e
}

// couldBeGood reports whether a request that was cut may have come to be good: nothing that
// it had waited for by then took too long already.
func (w *Window) couldBeGood(r *harness.Record) bool {
	if !r.Cut() || r.Done == harness.NoTime {
		return r.Cut()
	}
	now := *r
	now.Failure, now.OutputTokens = "", harness.Unreported
	now.Chunks = slices.Clone(r.Chunks)
	if len(now.Chunks) == 0 {
		now.Chunks = append(now.Chunks, now.Done)
	}
	if now.FirstAnswer == harness.NoTime {
		now.FirstAnswer = now.Done
	}
	return w.isGood(&now)
}

// undecided says that requests which were cut decide an objective.
func undecided(n int, what string) string {
	return fmt.Sprintf("%s had no end when we stopped waiting: %s, and they decide; run longer, or at a rate that the server keeps up with", quantity.Counted(n, "request"), what)
}

// errorsWithCut is the error rate where requests were cut: any of them might have failed.
func (w *Window) errorsWithCut() estimate {
	known := w.Due - w.cut
	if known == 0 {
		return without(undecided(w.cut, "whether they would have failed is not known"))
	}
	e := estimate{value: float64(w.failed) / float64(known), n: known, open: undecided(w.cut, "whether they would have failed is not known")}
	e.lo, e.hi = float64(w.failed)/float64(w.Due), float64(w.failed+w.cut)/float64(w.Due)
	e.here = interval{e.lo, e.hi}
	return e
}

// attainmentWithCut widens the share of good requests by those that might have come to be.
func (w *Window) attainmentWithCut(e estimate) estimate {
	known := w.Due - w.maybe
	if known == 0 {
		return without(undecided(w.maybe, "whether they would have been good is not known"))
	}
	e.value, e.open = float64(w.good)/float64(known), undecided(w.maybe, "whether they would have been good is not known")
	_, e.hi = stats.Share(w.good+w.maybe, w.Due, e.effective, Confidence)
	_, e.here.hi = stats.Share(w.good+w.maybe, w.Due, float64(w.Due), Confidence)
	return e
}
