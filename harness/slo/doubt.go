package slo

import (
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// doubt says why an interval does not decide, and what would.
func (w judgement) doubt(m metric.Metric, o harness.Objective, e measure.Estimate) string {
	if e.Open != "" {
		return e.Open
	}
	why := "the limit lies inside the interval"
	if math.IsInf(e.Hi, 1) && !math.IsInf(e.Value, 1) {
		if e.Left > 0 {
			return fmt.Sprintf("how long %s that users gave up would have taken is not known, and they decide", quantity.Counted(e.Left, "request"))
		}
		if why = "there are too few requests to bound it from above"; m.PerRequest() == nil {
			return why + w.toBound(o, e)
		}
	}
	switch factor := w.factor(m, o, e); {
	case factor == 0:
		return why + dependence(e)
	case factor > mostFactor:
		return why + ", and so close that no longer run would decide" + dependence(e)
	default:
		return fmt.Sprintf("%s; about %s would decide%s", why, w.more((factor-1)*float64(e.N)), dependence(e))
	}
}

// toBound says how many more requests would give a quantile an upper bound at all.
func (w judgement) toBound(o harness.Objective, e measure.Estimate) string {
	p, ok := metric.Quantile(o.Statistic)
	if !ok || e.Effective == 0 {
		return ""
	}
	needed := float64(stats.SamplesFor(p, measure.Confidence)) * float64(e.N) / e.Effective
	return fmt.Sprintf("; %s would give it one%s", w.more(needed-float64(e.N)), dependence(e))
}

// factor is how many times as many requests would decide; 0 where that cannot be said,
// and more than mostFactor where no number in reach would.
func (w judgement) factor(m metric.Metric, o harness.Objective, e measure.Estimate) float64 {
	var decides func(float64) bool
	p, isQuantile := metric.Quantile(o.Statistic)
	switch {
	case m.CountsGood():
		decides = shareOf{w.Good, w.Due, e.Effective, e.Unit}.decides(o)
	case isQuantile && m.PerRequest() != nil && e.Effective > 0:
		values := w.Spread(m.Name)
		decides = quantileDecides(values, o, e.N-values.N(), e.Effective, p)
	default:
		return rootFactor(o, e)
	}
	if factor := longer(decides); factor > 0 {
		return max(factor, 1+1/float64(max(1, e.N)))
	}
	return math.Inf(1)
}

// rootFactor is that of an interval which shrinks with the root of the number of
// requests.
func rootFactor(o harness.Objective, e measure.Estimate) float64 {
	distance := math.Min(math.Abs(e.Value-o.Limit), math.Abs(e.Value-cmpUpper(o)))
	width := math.Max(e.Hi-e.Value, e.Value-e.Lo)
	if distance <= 0 || width <= 0 || math.IsInf(width, 0) || math.IsNaN(width) {
		return 0
	}
	return (width / distance) * (width / distance)
}

func cmpUpper(o harness.Objective) float64 {
	if o.Relation == harness.Between {
		return o.Upper
	}
	return o.Limit
}

// more is so many more requests, and how long they take.
func (w judgement) more(n float64) string {
	requests := roundUp(n)
	more := fmt.Sprintf("%s more requests", quantity.Grouped(requests))
	if w.Due == 0 || w.Seconds() <= 0 || w.GoesOn {
		return more
	}
	return more + fmt.Sprintf(", %s at this rate,", quantity.Roughly(float64(requests)/float64(w.Due)*w.Seconds()))
}

// roundUp to two digits.
func roundUp(n float64) int {
	unit := math.Pow(10, math.Max(0, math.Floor(math.Log10(math.Max(1, n)))-1))
	return int(math.Ceil(n/unit) * unit)
}

// dependence says that requests tell less than as many independent ones would; ""
// where they do not.
func dependence(e measure.Estimate) string {
	if e.Effective == 0 || e.Effective > float64(e.N)/2 {
		return ""
	}
	as := quantity.Grouped(int(e.Effective)) + " independent ones"
	if int(e.Effective) <= 1 {
		as = "a single one"
	}
	return fmt.Sprintf(" (neighbours resemble each other: these %s tell as much as %s)", quantity.Counted(e.N, "request"), as)
}
