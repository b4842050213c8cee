package reports_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

func TestComparison_ofUnlikeOrVoidRunsSaysNothing(t *testing.T) {
	measured := func(n int, load string, stopped harness.StopKind) reports.Measured {
		run := runOf(n)
		run.Scenario.Labels, run.Stopped.Kind = map[string]string{"load": load}, stopped
		return reports.Measured{Manifest: store.NewManifest("run=x", run), Window: measure.Of(run)}
	}
	unlike := reports.NewComparison([]reports.Measured{measured(1000, "8 per second", ""), measured(100, "80 per second", "")})
	assert.Contains(t, unlike.Says, "The runs are unlike: the load of B is 80 per second, that of A 8 per second")
	void := reports.NewComparison([]reports.Measured{measured(1000, "8 per second", ""), measured(100, "8 per second", "interrupted")})
	assert.Contains(t, void.Says, "B is void: the run ended early: interrupted")
	alike := reports.NewComparison([]reports.Measured{measured(1000, "8 per second", ""), measured(100, "8 per second", "")})
	for _, c := range []reports.Comparison{unlike, void, alike} {
		for _, d := range c.Figures {
			if !slices.Equal(d.Better, []string{""}) {
				assert.NotContains(t, d.Name, "throughput")
				assert.NotContains(t, c.Says, "No figure is called better or worse", d.Name)
			}
		}
	}
}
