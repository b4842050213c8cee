package stats_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/stats"
)

// levels is a series that spreads by 1 about one level after the other.
func levels(r *rand.Rand, runs int, of ...float64) (out []float64) {
	for _, level := range of {
		for range runs {
			out = append(out, level+r.NormFloat64())
		}
	}
	return out
}

func TestChangesAreFoundWhereTheyAre(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := stats.Changes(levels(r, 12, 0, 6, 3), 4, 0.01)
	require.Len(t, found, 2)
	assert.InDelta(t, 12, found[0].At, 1)
	assert.InDelta(t, 24, found[1].At, 1)
	assert.Less(t, found[0].P, 0.01)
}

// The last five of 25 runs are mostly enough to see a change by three deviations.
func TestAChangeIsFoundSoon(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 200 {
		series := append(levels(r, 20, 0), levels(r, 5, 3)...)
		if changes := stats.Changes(series, 4, 0.01); len(changes) > 0 && changes[0].At >= 19 {
			found++
		}
	}
	assert.Greater(t, found, 160)
}

func TestASeriesWithoutChangeHasNone(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	alarms := 0
	for range 500 {
		if len(stats.Changes(levels(r, 25, 0), 4, 0.01)) > 0 {
			alarms++
		}
	}
	assert.LessOrEqual(t, alarms, 5, "at most one in a hundred")
	assert.Empty(t, stats.Changes([]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 4, 0.01))
	assert.Empty(t, stats.Changes([]float64{1, 2, 3, 9, 9, 9}, 4, 0.01), "too short to say")
}
