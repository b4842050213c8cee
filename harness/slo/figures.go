package slo

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Figures is the summary of a run: what every report and every benchmark line
// gives. Figures that do not exist are left out.
func (w *Window) Figures() []harness.Figure {
	var out []harness.Figure
	for _, m := range Metrics() {
		for _, statistic := range m.summarized() {
			value := m.value(w, statistic)
			if math.IsNaN(value) || math.IsInf(value, 0) {
				continue
			}
			out = append(out, harness.Figure{Name: strings.TrimSpace(statistic + " " + m.Name), Unit: string(m.Unit), Value: value})
		}
	}
	return out
}

// value is what measure gives, where nothing infinite is asked for, without the interval,
// which is by far the most of its work; NaN where there is none.
func (m Metric) value(w *Window, statistic string) float64 {
	switch {
	case m.Request != nil:
		t := w.figure(m.Name).tally
		return valueOf(&t.values, statistic, t.mean.Mean)
	case m.Gaps != nil:
		g := m.Gaps(w)
		return valueOf(&g.Values, statistic, g.mean.Value)
	}
	e := m.measure(w, statistic, false)
	if e.reason != "" {
		return math.NaN()
	}
	return e.value
}

func valueOf(v *stats.Values, statistic string, mean func() float64) float64 {
	p, isQuantile := quantileOf(statistic)
	switch {
	case v.N() == 0:
		return math.NaN()
	case isQuantile:
		return v.Quantile(p, 0)
	case statistic == "min":
		return v.Rank(1)
	case statistic == "max":
		return v.Rank(v.N())
	}
	return mean()
}

// summarized are the statistics of a metric that a summary gives.
func (m Metric) summarized() []string {
	switch {
	case m.Figure != nil:
		return []string{""}
	case m.gauge != nil:
		return []string{"mean", "max"}
	case m.buckets != "":
		return []string{"mean"} // a percentile is known to within a bucket only
	case m.Request != nil || m.Gaps != nil:
		return []string{"mean", "p50", "p90", "p95", "p99", "max"}
	}
	return m.statistics()
}

// Figure is what a row of a comparison is about, of this run. Where lower is better
// an unanswered request counts as the worst, and then it can be infinite.
func (w *Window) Figure(o harness.Objective) (harness.Figure, error) {
	m, err := Lookup(o.Metric)
	if err != nil {
		return harness.Figure{}, err
	}
	e := m.measure(w.class(o.Class), o.Statistic, m.Better == LowerIsBetter)
	f := harness.Figure{Name: Verdict{Objective: o}.Name(), Unit: string(m.Unit), Value: e.value}
	if e.reason != "" || math.IsNaN(e.value) {
		return f, fmt.Errorf("there is no %s: %s", f.Name, e.reason)
	}
	return f, nil
}

// Requests is how many the run had in all, warm-up included.
func (w *Window) Requests() int { return w.seen }

// Comparable is the summary of a run as others can be held against it: as Figures,
// but with unanswered requests as the worst, and with the figures that these rows are
// about.
func (w *Window) Comparable(rows []harness.Objective) []harness.Figure {
	var out []harness.Figure
	take := func(o harness.Objective) {
		f, err := w.Figure(o)
		if err == nil && !math.IsInf(f.Value, 0) && !slices.ContainsFunc(out, func(other harness.Figure) bool { return other.Name == f.Name }) {
			out = append(out, f)
		}
	}
	for _, m := range Metrics() {
		for _, statistic := range m.summarized() {
			take(harness.Objective{Metric: m.Name, Statistic: statistic})
		}
	}
	for _, o := range rows {
		take(o)
	}
	return out
}

// FigureName is what a row is about, as benchmark lines have it.
func FigureName(o harness.Objective) harness.Figure {
	m, _ := Lookup(o.Metric)
	return harness.Figure{Name: Verdict{Objective: o}.Name(), Unit: string(m.Unit)}
}
