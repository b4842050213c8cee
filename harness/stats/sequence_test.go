package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/stats"
)

// autoregressive values have an integrated autocorrelation time of (1+φ)/(1−φ).
func autoregressive(n int, phi float64) *stats.Sequence {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var s stats.Sequence
	x := 0.0
	for range n {
		x = phi*x + r.NormFloat64()
		s.Add(x)
	}
	return &s
}

func TestEffectiveSize_ofIndependentValues(t *testing.T) {
	s := autoregressive(20000, 0)
	assert.InEpsilon(t, 20000, s.EffectiveSize(.5), .1)
	assert.InEpsilon(t, 20000, s.EffectiveSizeOfMean(), .1)
}

func TestEffectiveSize_ofDependentValuesIsSmaller(t *testing.T) {
	const n, phi = 20000, .5
	tau := (1 + phi) / (1 - phi)
	s := autoregressive(n, phi)
	assert.Less(t, s.EffectiveSizeOfMean(), n/tau)
	assert.Greater(t, s.EffectiveSizeOfMean(), n/tau/1.6, "what is added for safety is no more than that")
	assert.Less(t, autoregressive(n, .9).EffectiveSize(.99), s.EffectiveSize(.99))
}

// A correlation over many lags is found as well as one over few.
func TestEffectiveSize_ofALongAutocorrelation(t *testing.T) {
	const n, phi = 60000, .99
	tau := (1 + phi) / (1 - phi)
	effective := autoregressive(n, phi).EffectiveSizeOfMean()
	assert.Less(t, effective, n/tau)
	assert.Greater(t, effective, n/tau/(1+(tau-1)/10)/4, "what is added for safety, and for what so long a correlation hides, is no more than that")
}

// While a run goes on its worth is carried over to the values that came since.
func TestEffectiveSize_approximateGrowsWithTheValues(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var exact, approximate stats.Sequence
	approximate.Approximate = true
	for i := range 3000 {
		x := r.NormFloat64()
		exact.Add(x)
		approximate.Add(x)
		if i < 100 {
			continue
		}
		for _, p := range []float64{.5, .99} {
			if i == 100 || i%10 == 0 {
				require.InEpsilon(t, exact.EffectiveSize(p), approximate.EffectiveSize(p), .5, "p%g of %d", 100*p, i)
			}
		}
	}
	was := approximate.EffectiveSize(.9)
	approximate.Add(1)
	assert.InEpsilon(t, was*3001/3000, approximate.EffectiveSize(.9), 1e-12, "nothing is worked out anew for one value more")
	for range 900 {
		approximate.Add(1)
	}
	assert.NotEqual(t, was*3901/3000, approximate.EffectiveSize(.9), "for many it is")
}

// Rare misses do not show that they cluster; the ranks of all do.
func TestEffectiveSize_ranksShowAnAutocorrelationThatMissesDoNot(t *testing.T) {
	s := autoregressive(2000, .95)
	assert.Less(t, s.EffectiveSize(.9999), 2000/10.0)
}

func TestEffectiveSize_ofEqualAndInfiniteValues(t *testing.T) {
	var same, never stats.Sequence
	for range 100 {
		same.Add(3)
		never.Add(math.Inf(1))
	}
	assert.InDelta(t, 100, same.EffectiveSize(.99), 20)
	assert.InDelta(t, 100, never.EffectiveSize(.99), 20)
	assert.False(t, math.IsNaN(never.EffectiveSizeOfMean()))
	var few stats.Sequence
	few.Add(1)
	assert.Equal(t, 1.0, few.EffectiveSize(.5))
}

// A million values take no more memory than what is kept of them, and are worth no
// more than that.
func TestSequence_longOnesAreThinned(t *testing.T) {
	effective := autoregressive(1<<20, .5).EffectiveSize(.5)
	assert.Greater(t, effective, 20000.0)
	assert.LessOrEqual(t, effective, float64(1<<16))
}

// Ranks for values that are worth fewer are those of as many, carried over.
func TestRankInterval_ofDependentValues(t *testing.T) {
	low, high := stats.Ranks(10000, 1000, .99, .95)
	l, h := stats.Ranks(1000, 1000, .99, .95)
	assert.InDelta(t, 10*l, low, 10)
	assert.InDelta(t, 10*h, high, 10)
	_, high = stats.Ranks(10000, 367, .99, .95)
	assert.Zero(t, high)
}

func TestShare_intervalWidensWithDependence(t *testing.T) {
	low, high := stats.Share(950, 1000, 1000, .95)
	lower, higher := stats.Share(950, 1000, 100, .95)
	wantLow, wantHigh := stats.Share(95, 100, 100, .95)
	assert.Less(t, lower, low)
	assert.Greater(t, higher, high)
	assert.InDelta(t, wantLow, lower, 1e-9)
	assert.InDelta(t, wantHigh, higher, 1e-9)
}

// A load that rises makes latencies rise: that is no autocorrelation.
func TestEffectiveSize_trendOfTheLoadIsNoAutocorrelation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	free, detrended := stats.Sequence{}, stats.Sequence{Detrend: true}
	for i := range 2000 {
		x := float64(i) + 500*r.NormFloat64()
		free.Add(x)
		detrended.Add(x)
	}
	assert.Less(t, free.EffectiveSize(.5), 100.0)
	assert.Greater(t, detrended.EffectiveSize(.5), 1000.0)
}
