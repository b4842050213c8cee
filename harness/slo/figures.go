package slo

import (
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Figures is the summary of a run: what every report and every benchmark line
// gives. Figures that do not exist are left out.
func (w *Window) Figures() []harness.Figure {
	var out []harness.Figure
	for _, m := range Metrics() {
		for _, statistic := range m.summarized() {
			e := m.measure(w, statistic, false)
			if e.reason != "" || math.IsNaN(e.value) || math.IsInf(e.value, 0) {
				continue
			}
			out = append(out, harness.Figure{Name: strings.TrimSpace(statistic + " " + m.Name), Unit: string(m.Unit), Value: e.value})
		}
	}
	return out
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
