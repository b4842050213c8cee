package compare_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
)

func TestDrift_overAHistory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	history := append(around(r, 15, 0.4, 0.01), append(around(r, 6, 0.44, 0.01), around(r, 8, 0.36, 0.01)...)...)
	found := compare.Drifts(harness.Objective{Statistic: "p99", Metric: "TTFT"}, history)
	require.Len(t, found, 2)
	assert.Equal(t, 15, found[0].At)
	assert.True(t, found[0].Worse)
	assert.Equal(t, "p99 TTFT", found[0].Figure)
	assert.InDelta(t, 1.1, found[0].Ratio, 0.02)
	assert.Less(t, found[0].Lo, found[0].Ratio)
	assert.InDelta(t, 0.44, found[0].After, 0.005)
	assert.Equal(t, 21, found[1].At)
	assert.False(t, found[1].Worse)
	throughput := compare.Drifts(harness.Objective{Metric: "output throughput"}, history)
	assert.False(t, throughput[0].Worse)
	assert.True(t, throughput[1].Worse, "less throughput is worse")
	assert.Empty(t, compare.Drifts(harness.Objective{Metric: "output throughput"}, append(around(r, 15, 1, 0.0001), around(r, 15, 1.01, 0.0001)...)), "one per cent is nothing to wake anybody up for")
	for _, o := range metric.History() {
		_, err := slo.Parse(measure.FigureName(o).Name, "none")
		assert.NoError(t, err)
	}
}
