package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/stats"
)

func valuesOf(all ...float64) *stats.Values {
	v := new(stats.Values)
	for _, x := range all {
		v.Add(x)
	}
	return v
}

func TestQuantile_isType7(t *testing.T) {
	values := valuesOf(3, 1, 4, 2)
	assert.Equal(t, 1.0, values.Quantile(0, 0))
	assert.Equal(t, 2.5, values.Quantile(.5, 0))
	assert.InDelta(t, 3.97, values.Quantile(.99, 0), 1e-12) // numpy.quantile([1,2,3,4], .99)
	assert.Equal(t, 4.0, values.Quantile(1, 0))
	assert.True(t, math.IsNaN(valuesOf().Quantile(.5, 0)))
	assert.True(t, math.IsInf(valuesOf(1).Quantile(.9, 2), 1))
	assert.True(t, math.IsInf(valuesOf().Quantile(.5, 2), 1))
}

// TestQuantile_betweenRanks asks again and again while more values come.
func TestQuantile_betweenRanks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	values, all := new(stats.Values), []float64{}
	for range 200 {
		for range r.IntN(40) {
			x := float64(r.IntN(500))
			values.Add(x)
			all = append(all, x)
		}
		slices.Sort(all)
		for rank := 1; rank <= len(all); rank += 7 {
			require.Equal(t, all[rank-1], values.Rank(rank), "rank %d of %d", rank, len(all))
		}
	}
}

// TestValues_manyAreCountedInFineBins compares the ranks of a million values with
// those of the same values kept and sorted.
func TestValues_manyAreCountedInFineBins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	many, all := new(stats.Values), []float64{}
	for range 1_000_000 {
		x := math.Exp(2*r.NormFloat64() - 3) // TTFTs, of 10 µs to 10 minutes
		if r.IntN(100) == 0 {
			x = 0
		}
		many.Add(x)
		all = append(all, x)
	}
	slices.Sort(all)
	for _, rank := range []int{1, 2, 9_000, 500_000, 990_000, 999_999, 1_000_000} {
		assert.InEpsilon(t, 1+all[rank-1], 1+many.Rank(rank), 1e-4, "rank %d", rank)
		if all[rank-1] > 0 {
			assert.InEpsilon(t, all[rank-1], many.Rank(rank), 4e-5, "rank %d", rank)
		}
	}
	assert.Equal(t, all[len(all)-1], many.Rank(len(all)), "extremes are what they are")
}

// The ranks at 95 %, worked out independently from the binomial distribution.
func TestRanks(t *testing.T) {
	for _, c := range []struct {
		n         int
		p         float64
		low, high int
	}{
		{100, .5, 40, 61}, {100, .9, 84, 96}, {100, .95, 90, 100}, {100, .99, 97, 0},
		{300, .5, 133, 168}, {300, .99, 293, 0}, {500, .99, 490, 500},
		{1000, .5, 469, 532}, {1000, .99, 983, 997},
		{2000, .9, 1773, 1827}, {2000, .95, 1880, 1920}, {2000, .99, 1971, 1989},
		{10000, .99, 9880, 9920},
	} {
		low, high := stats.Ranks(c.n, float64(c.n), c.p, .95)
		assert.Equal(t, [2]int{c.low, c.high}, [2]int{low, high}, "n=%d p=%g", c.n, c.p)
	}
}

func TestSamplesFor(t *testing.T) {
	assert.Equal(t, 368, stats.SamplesFor(.99, .95)) // the least n with 0.99^n ≤ 0.025
	for _, p := range []float64{.01, .25, .5, .9, .95, .99, .999} {
		n := stats.SamplesFor(p, .95)
		low, high := stats.Ranks(n, float64(n), p, .95)
		assert.True(t, low > 0 && high > 0, "p=%g n=%d", p, n)
		low, high = stats.Ranks(n-1, float64(n-1), p, .95)
		assert.True(t, low == 0 || high == 0, "p=%g n=%d is not the least", p, n)
	}
}

func TestShare(t *testing.T) {
	low, high := stats.Share(0, 2400, 2400, .95)
	assert.Zero(t, low)
	assert.InDelta(t, 1-math.Pow(.025, 1.0/2400), high, 1e-9) // closed form for none of n
	low, high = stats.Share(5, 10, 10, .95)
	assert.InDelta(t, .1871, low, 1e-4)
	assert.InDelta(t, .8129, high, 1e-4)
	low, high = stats.Share(0, 0, 0, .95)
	assert.Equal(t, [2]float64{0, 1}, [2]float64{low, high})
}

func meanOf(values ...float64) (mean, low, high float64) {
	var m stats.Mean
	for _, v := range values {
		m.Add(v)
	}
	return m.Interval(float64(len(values)), .95)
}

func TestMean(t *testing.T) {
	mean, low, high := meanOf(1, 2, 3, 4, 5)
	assert.Equal(t, 3.0, mean)
	assert.InDelta(t, 3-2.7764451*math.Sqrt(.5), low, 1e-6)
	assert.InDelta(t, 3+2.7764451*math.Sqrt(.5), high, 1e-6)
	_, low, _ = meanOf(1)
	assert.True(t, math.IsInf(low, -1))
}

func TestRatio_ofEqualUnitsIsTheMean(t *testing.T) {
	mean, low, high := meanOf(1, 2, 3, 4, 5)
	var ratio stats.Ratio
	for i := range 5 {
		ratio.Add(float64(i+1), 1)
	}
	r, rlow, rhigh := ratio.Interval(float64(ratio.N), .95)
	assert.InDeltaSlice(t, []float64{mean, low, high}, []float64{r, rlow, rhigh}, 1e-12)
}
