package stats_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
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

func TestChange_isFoundWhereItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := stats.Changes(levels(r, 12, 0, 6, 3), 4, 0.01)
	require.Len(t, found, 2)
	assert.InDelta(t, 12, found[0].At, 1)
	assert.InDelta(t, 24, found[1].At, 1)
	assert.Less(t, found[0].P, 0.01)
}

// The last five of 25 runs are mostly enough to see a change by three deviations.
func TestChange_isFoundSoon(t *testing.T) {
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

func TestChange_noneInASeriesWithoutOne(t *testing.T) {
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

// What is counted as values move from one side of a cut to the other is what the test of
// two samples counts.
func TestTheClearestCut_IsThatOfTheExactTest(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		series := append(levels(r, 8+r.IntN(8), 0), levels(r, 8+r.IntN(8), 4)...)
		for i := range series {
			if r.IntN(3) == 0 {
				series[i] = float64(int(series[i])) // some are equal
			}
		}
		least, at := 2.0, 0
		for cut := 4; cut <= len(series)-4; cut++ {
			s := stats.Unpaired(series[:cut], series[cut:])
			if p := min(1, 2*min(s.Above(0), s.Below(0))); p < least {
				least, at = p, cut
			}
		}
		found := stats.Changes(series, 4, 0.05)
		require.NotEmpty(t, found)
		clearest := slices.MinFunc(found, func(a, b stats.Change) int { return cmp.Compare(a.P, b.P) })
		assert.InDelta(t, at, clearest.At, 1)
		assert.InEpsilon(t, least*float64(len(series)-7), clearest.P, 1e-6)
	}
}

func BenchmarkChangesOfTenThousandRuns(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	series := levels(r, 5000, 0, 1)
	for b.Loop() {
		stats.Changes(series, 4, 0.01)
	}
}
