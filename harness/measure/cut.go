package measure

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
func (w *Window) noneAnswered() bool { return w.Failed > 0 && w.Failed == w.Due }

// neverCame is a latency of requests that all failed: each counts as the worst.
func neverCame(failed int) Estimate {
	e := exact(math.Inf(1), failed)
	e.Notes = []string{quantity.Counted(failed, "request") + " without an answer counted as the worst"}
	return e
}

// waited is the least that a metric of a cut request can be.
func (f *values) waited(r *harness.Record) float64 {
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
func (t *tally) censored(statistic string, infinite, left int) Estimate {
	least := t.least()
	if p, ok := metric.Quantile(statistic); ok {
		return t.censoredQuantile(least, infinite, left, p)
	}
	n := least.N()
	e := Estimate{N: n, Hi: math.Inf(1)}
	switch statistic {
	case "min":
		e.Value = least.Rank(1)
		e.Lo = e.Value
		if t.values.N() > 0 {
			e.Value, e.Hi = t.values.Rank(1), t.values.Rank(1)
		}
	case "max":
		e.Value = least.Rank(n)
		e.Lo = e.Value
	default:
		effective := 1.0
		if t.order.N() > 0 {
			effective = float64(n) * t.order.EffectiveSizeOfMean() / float64(t.order.N())
		}
		e = meanOf(n, effective, t.atLeast.Interval)
		e.Hi, e.here.Hi = math.Inf(1), math.Inf(1)
		return e
	}
	e.here = Interval{e.Lo, e.Hi}
	return e
}

func (t *tally) censoredQuantile(least *stats.Values, infinite, left int, p float64) Estimate {
	n := least.N() + infinite + left
	e := Estimate{Value: least.Quantile(p, infinite), N: least.N() + infinite, Effective: 1}
	if t.order.N() > 0 {
		e.Effective = float64(n) * t.order.EffectiveSize(p) / float64(t.order.N())
	}
	between := func(effective float64) Interval {
		s := Interval{math.Inf(-1), math.Inf(1)}
		low, high := stats.Ranks(n, effective, p, Confidence)
		if low > left {
			s.Lo = least.Rank(low - left)
		}
		if high > 0 {
			s.Hi = t.values.Rank(high)
		}
		return s
	}
	e.lasts(between(e.Effective), between(float64(n)))
	return e
}

// withCut is a statistic of a metric of requests some of which were cut.
func withCut(w *Window, t *tally, statistic string, failedAreWorst bool) Estimate {
	worst := 0
	if failedAreWorst {
		worst = t.failed
	}
	e := t.censored(statistic, worst, t.left)
	if _, isQuantile := metric.Quantile(statistic); worst > 0 && !isQuantile && statistic != "min" {
		e.Hi, e.here.Hi = math.Inf(1), math.Inf(1)
		if statistic == "max" {
			e.Value, e.Lo, e.here.Lo = e.Hi, e.Hi, e.Hi
		}
	}
	if t.failed > 0 {
		as := " without an answer left out"
		if worst > 0 {
			as = " without an answer counted as the worst"
		}
		e.Notes = append(e.Notes, quantity.Counted(t.failed, "request")+as)
	}
	if e.Left = t.left; math.IsInf(e.Hi, 1) && e.Open == "" {
		e.Open = undecided(t.waits.N(), "how long they would have taken is not known")
	}
	e.Notes = append(e.Notes, fmt.Sprintf("%s had no end when we stopped waiting: they took at least as long as they had waited", quantity.Counted(t.waits.N(), "request")))
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
func errorsWithCut(w *Window) Estimate {
	known := w.Due - w.cut
	if known == 0 {
		return without(undecided(w.cut, "whether they would have failed is not known"))
	}
	e := Estimate{Value: float64(w.Failed) / float64(known), N: known, Open: undecided(w.cut, "whether they would have failed is not known")}
	e.Lo, e.Hi = float64(w.Failed)/float64(w.Due), float64(w.Failed+w.cut)/float64(w.Due)
	e.here = Interval{e.Lo, e.Hi}
	return e
}

// attainmentWithCut widens the share of good requests by those that might have come to be.
func attainmentWithCut(w *Window, e Estimate) Estimate {
	known := w.Due - w.maybe
	if known == 0 {
		return without(undecided(w.maybe, "whether they would have been good is not known"))
	}
	e.Value, e.Open = float64(w.Good)/float64(known), undecided(w.maybe, "whether they would have been good is not known")
	_, e.Hi = stats.Share(w.Good+w.maybe, w.Due, e.Effective, Confidence)
	_, e.here.Hi = stats.Share(w.Good+w.maybe, w.Due, float64(w.Due), Confidence)
	return e
}
