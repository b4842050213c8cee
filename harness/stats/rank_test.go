package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/stats"
)

func upTo(n int) (out []float64) {
	for i := range n {
		out = append(out, float64(i))
	}
	return out
}

// The published critical values of the tests of Mann and Whitney, and of Wilcoxon:
// how many of the ordered differences an interval of 95 % leaves out on each side.
func TestShift_intervalsLeaveOutWhatTheTablesSay(t *testing.T) {
	far := func(n int, by float64) (out []float64) { // all differences of the samples are different
		for i := range n {
			out = append(out, by*float64(i+1))
		}
		return out
	}
	for k, leftOut := range map[int]int{4: 0, 5: 2, 6: 5, 8: 13, 10: 23} {
		base, values := far(k, 1), far(k, 1000)
		low, high := stats.Unpaired(base, values).Interval(0.95)
		inside := 0
		for _, b := range base {
			for _, v := range values {
				if d := v - b; d >= low && d <= high {
					inside++
				}
			}
		}
		assert.Equal(t, k*k-2*leftOut, inside, "%d values on each side", k)
	}
	for n, leftOut := range map[int]int{6: 0, 7: 2, 8: 3, 10: 8, 12: 13, 20: 52} {
		values := make([]float64, n)
		for i := range values {
			values[i] = math.Pow(1.5, float64(i+1))
		}
		low, high := stats.Paired(make([]float64, n), values).Interval(0.95)
		inside := 0
		for i := range n {
			for j := i; j < n; j++ {
				if d := (values[i] + values[j]) / 2; d >= low && d <= high {
					inside++
				}
			}
		}
		assert.Equal(t, n*(n+1)/2-2*leftOut, inside, "%d pairs", n)
	}
}

func TestShift_tooFewValuesHaveNoInterval(t *testing.T) {
	for _, s := range []stats.Shift{stats.Unpaired(upTo(3), upTo(3)), stats.Paired(upTo(5), upTo(5)), stats.Unpaired(upTo(1), upTo(20)), stats.Unpaired(nil, upTo(3))} {
		low, high := s.Interval(0.95)
		assert.True(t, math.IsInf(low, -1) && math.IsInf(high, 1), "%g to %g", low, high)
	}
	assert.True(t, math.IsNaN(stats.Unpaired(nil, nil).Estimate()))
}

func TestShift_smallestPossibleP(t *testing.T) {
	assert.InDelta(t, 1.0/252, stats.Unpaired(upTo(5), upTo(5)).Least(), 1e-12)
	assert.InDelta(t, 1.0/252, stats.LeastUnpaired(5, 5), 1e-12)
	assert.InDelta(t, 1.0/21, stats.LeastUnpaired(1, 20), 1e-12)
	assert.InDelta(t, 1.0/64, stats.Paired(upTo(6), upTo(6)).Least(), 1e-12)
	assert.InDelta(t, 1.0/64, stats.LeastPaired(6), 1e-12)
	apart := stats.Unpaired([]float64{1, 2, 3, 4}, []float64{11, 12, 13, 14})
	assert.InDelta(t, 1.0/70, apart.Above(6), 1e-12)
	assert.Equal(t, 1.0, apart.Below(6))
	assert.Equal(t, 10.0, apart.Estimate())
}

// An interval and the tests at its ends are two ways to say the same.
func TestShift_testTurnsAtTheEndsOfTheInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		base, values := make([]float64, 7), make([]float64, 7)
		for i := range base {
			base[i], values[i] = r.NormFloat64(), r.NormFloat64()+1
		}
		for _, s := range []stats.Shift{stats.Unpaired(base, values), stats.Paired(base, values)} {
			low, high := s.Interval(0.95)
			assert.LessOrEqual(t, s.Above(low-1e-9), 0.025)
			assert.Greater(t, s.Above(low+1e-9), 0.025)
			assert.LessOrEqual(t, s.Below(high+1e-9), 0.025)
			assert.Greater(t, s.Below(high-1e-9), 0.025)
		}
	}
}

// covered is the share of trials whose interval holds the true shift of 1.
func covered(draw func() stats.Shift, trials int) float64 {
	hit := 0.0
	for range trials {
		s := draw()
		if low, high := s.Interval(0.95); low <= 1 && 1 <= high {
			hit++
		}
	}
	return hit / float64(trials)
}

func TestShift_intervalsHoldTheTruthHoweverValuesSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	skewed := func() stats.Shift {
		base, values := make([]float64, 6), make([]float64, 6)
		for i := range base {
			base[i], values[i] = math.Exp(2*r.NormFloat64()), 1+math.Exp(2*r.NormFloat64())
		}
		return stats.Unpaired(base, values)
	}
	assert.InDelta(t, 0.959, covered(skewed, 4000), 0.015) // exactly 95.9 % with six on each side
	pairs := func() stats.Shift {
		base, values := make([]float64, 8), make([]float64, 8)
		for i := range base {
			base[i] = 100 * r.NormFloat64()
			values[i] = base[i] + 1 + r.NormFloat64() // what they share is far greater than the difference
		}
		return stats.Paired(base, values)
	}
	assert.InDelta(t, 0.961, covered(pairs, 4000), 0.015)
}

func TestShift_manyValuesGoOnAsFewDo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	draw := func(n int) (out []float64) {
		for range n {
			out = append(out, r.NormFloat64())
		}
		return out
	}
	base, values := draw(100), draw(100)
	exact, beyond := stats.Unpaired(base, values), stats.Unpaired(append(base, 0), values)
	low, high := exact.Interval(0.95)
	lowB, highB := beyond.Interval(0.95)
	assert.InDelta(t, low, lowB, 0.03)
	assert.InDelta(t, high, highB, 0.03)
}

func TestShift_noneOfEqualValues(t *testing.T) {
	same := []float64{2, 2, 2, 2, 2, 2}
	low, high := stats.Unpaired(same, same).Interval(0.95)
	assert.Equal(t, [2]float64{0, 0}, [2]float64{low, high})
	assert.Equal(t, 1.0, stats.MannWhitney(same, same))
	assert.True(t, math.IsNaN(stats.MannWhitney([]float64{1, math.NaN(), 3}, same)), "NaN has no rank")
	none := []float64{math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)} // logarithms of 0
	assert.Zero(t, stats.Unpaired(none, none).Estimate())
}
