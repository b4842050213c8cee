package slo

import (
	"math"
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
	case m.request != nil:
		t := w.figure(m.Name).tally
		return valueOf(&t.values, statistic, t.mean.Mean)
	case m.gaps != nil:
		g := m.gaps(w)
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
	case m.figure != nil:
		return []string{""}
	case m.gauge != nil:
		return []string{"mean", "max"}
	case m.buckets != "":
		return []string{"mean"} // a percentile is known to within a bucket only
	case m.request != nil || m.gaps != nil:
		return []string{"mean", "p50", "p90", "p95", "p99", "max"}
	}
	return m.statistics()
}
