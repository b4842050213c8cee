package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Figures is the summary of a run: what every report and every benchmark line
// gives. Figures that do not exist are left out.
func (w *Window) Figures() []harness.Figure {
	var out []harness.Figure
	for _, m := range metric.Meaningful(w.Run.Scenario.Interface.Answers) {
		for _, statistic := range m.Summarized() {
			value := w.value(m, statistic)
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
func (w *Window) value(m metric.Metric, statistic string) float64 {
	switch of := m.Source.(type) {
	case metric.PerRequest:
		t := w.figure(of).tally
		return valueOf(&t.values, statistic, t.mean.Mean)
	case metric.Gap:
		g := w.gapsOf(of)
		return valueOf(&g.Values, statistic, g.mean.Value)
	}
	e := w.Estimate(m, statistic, false)
	if e.Reason != "" {
		return math.NaN()
	}
	return e.Value
}

func valueOf(v *stats.Values, statistic string, mean func() float64) float64 {
	p, isQuantile := metric.Quantile(statistic)
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

// Figure is what a row of a comparison is about, of this run. Where lower is better
// an unanswered request counts as the worst, and then it can be infinite.
func (w *Window) Figure(o harness.Objective) (harness.Figure, error) {
	m, err := metric.OfRow(o)
	if err != nil {
		return harness.Figure{}, err
	}
	e := w.Class(o.Class).Estimate(m, o.Statistic, m.Better == metric.LowerIsBetter)
	f := harness.Figure{Name: o.Name(), Unit: string(m.Unit), Value: e.Value}
	if e.Reason != "" || math.IsNaN(e.Value) {
		return f, fmt.Errorf("there is no %s: %s", f.Name, e.Reason)
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
	for _, m := range metric.Meaningful(w.Run.Scenario.Interface.Answers) {
		for _, statistic := range m.Summarized() {
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
	m, _ := metric.OfRow(o)
	return harness.Figure{Name: o.Name(), Unit: string(m.Unit)}
}
