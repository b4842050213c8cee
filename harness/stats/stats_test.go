package stats_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/stats"
)

func TestQuantileIsType7(t *testing.T) {
	values := []float64{1, 2, 3, 4}
	assert.Equal(t, 1.0, stats.Quantile(values, 0))
	assert.Equal(t, 2.5, stats.Quantile(values, .5))
	assert.InDelta(t, 3.97, stats.Quantile(values, .99), 1e-12) // numpy.quantile([1,2,3,4], .99)
	assert.Equal(t, 4.0, stats.Quantile(values, 1))
	assert.True(t, math.IsNaN(stats.Quantile(nil, .5)))
	assert.True(t, math.IsInf(stats.Quantile([]float64{1, math.Inf(1), math.Inf(1)}, .9), 1))
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
		low, high := stats.Ranks(c.n, c.p, .95)
		assert.Equal(t, [2]int{c.low, c.high}, [2]int{low, high}, "n=%d p=%g", c.n, c.p)
	}
}

func TestSamplesFor(t *testing.T) {
	n := stats.SamplesFor(.99, .95)
	assert.Equal(t, 368, n) // the least n with 0.99^n ≤ 0.025
	_, high := stats.Ranks(n-1, .99, .95)
	assert.Zero(t, high)
}

func TestShare(t *testing.T) {
	low, high := stats.Share(0, 2400, .95)
	assert.Zero(t, low)
	assert.InDelta(t, 1-math.Pow(.025, 1.0/2400), high, 1e-9) // closed form for none of n
	low, high = stats.Share(5, 10, .95)
	assert.InDelta(t, .1871, low, 1e-4)
	assert.InDelta(t, .8129, high, 1e-4)
	low, high = stats.Share(0, 0, .95)
	assert.Equal(t, [2]float64{0, 1}, [2]float64{low, high})
}

func TestMean(t *testing.T) {
	mean, low, high := stats.Mean([]float64{1, 2, 3, 4, 5}, .95)
	assert.Equal(t, 3.0, mean)
	assert.InDelta(t, 3-2.7764451*math.Sqrt(.5), low, 1e-6)
	assert.InDelta(t, 3+2.7764451*math.Sqrt(.5), high, 1e-6)
	_, low, _ = stats.Mean([]float64{1}, .95)
	assert.True(t, math.IsInf(low, -1))
}

func TestRatioOfEqualUnitsIsTheMean(t *testing.T) {
	ones := []float64{1, 1, 1, 1, 1}
	mean, low, high := stats.Mean([]float64{1, 2, 3, 4, 5}, .95)
	r, rlow, rhigh := stats.Ratio([]float64{1, 2, 3, 4, 5}, ones, .95)
	assert.InDeltaSlice(t, []float64{mean, low, high}, []float64{r, rlow, rhigh}, 1e-12)
}
