package arrival_test

import (
	"iter"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

func take(n int, times iter.Seq[time.Duration]) (out []time.Duration) {
	for at := range times {
		if out = append(out, at); len(out) == n {
			break
		}
	}
	return out
}

func TestPoisson_gapsAreExponential(t *testing.T) {
	const n = 20_000
	at := take(n, arrival.Poisson{PerSecond: 8}.Times(rand.New(rand.NewPCG(1, 2))))
	sum, squares, last := 0.0, 0.0, 0.0
	for _, a := range at {
		gap := a.Seconds() - last
		sum, squares, last = sum+gap, squares+gap*gap, a.Seconds()
	}
	mean := sum / n
	assert.InEpsilon(t, 1.0/8, mean, 0.02)
	assert.InEpsilon(t, 1, math.Sqrt(squares/n-mean*mean)/mean, 0.03, "coefficient of variation")
}

func TestArrivals_sameStreamSameInstants(t *testing.T) {
	draw := func() []time.Duration {
		return take(100, arrival.Poisson{PerSecond: 8}.Times(rand.New(rand.NewPCG(1, 2))))
	}
	assert.Equal(t, draw(), draw())
}

func TestEven_doesNotDrift(t *testing.T) {
	at := take(300_001, arrival.Even{PerSecond: 3}.Times(nil))
	assert.Equal(t, time.Duration(0), at[0])
	assert.Equal(t, 100_000*time.Second, at[300_000])
}
