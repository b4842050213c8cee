package experiment

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func TestSettings_warmUpUnlessTheScenarioSaysHowLong(t *testing.T) {
	for each, lasts := range map[Extent][2]time.Duration{
		{Length: time.Minute}: {time.Minute, time.Minute}, // a time is what the run lasts, warm-up included
		{Requests: 600}:       {70 * time.Second, time.Minute},
	} {
		p := Plan{Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Poisson{}}}}
		a, err := p.attempt(trials.Rate, each, 10, 0)
		require.NoError(t, err)
		assert.Equal(t, 10*time.Second, a.warmup, each)
		assert.Equal(t, lasts[0], a.load.(harness.Open).For, each)

		p.FixedWarmup = true // that there is none
		a, err = p.attempt(trials.Rate, each, 10, 0)
		require.NoError(t, err)
		assert.Zero(t, a.warmup, each)
		assert.Equal(t, lasts[1], a.load.(harness.Open).For, each)
	}
}

func TestSettings_getLongerRunsWhereOneDoesNotDecide(t *testing.T) {
	p, each := Plan{Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Poisson{}}}}, Extent{}
	lasts := func(runs int) time.Duration {
		a, err := p.attempt(trials.Rate, each, 10, runs)
		require.NoError(t, err)
		return a.load.(harness.Open).For
	}
	assert.InDelta(t, 2*lasts(0), lasts(1), float64(2*time.Millisecond))
	assert.Equal(t, lasts(1), lasts(4))
	each.Requests = 600
	assert.Equal(t, lasts(0), lasts(1), "the scenario has said it")
}
