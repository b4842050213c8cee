package trials

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness/metric"
)

// Pooled reports whether the answers of the runs are vectors, scores or classes, and not tokens.
func (g Group) Pooled() bool {
	return slices.ContainsFunc(g.Trials, func(t Trial) bool {
		_, has := Named(t.Figures, metric.NameInputThroughput)
		return has
	})
}

// Columns are the figures by which the runs stand side by side.
func (g Group) Columns() []string {
	if g.Pooled() {
		return []string{"p50 " + metric.NameE2E, "p99 " + metric.NameE2E, metric.NameInputThroughput, metric.NameErrorRate}
	}
	return []string{"p50 " + metric.NameTTFT, "p99 " + metric.NameTTFT, "p50 " + metric.NameTPOT, metric.NameOutputThroughput, metric.NameErrorRate}
}
