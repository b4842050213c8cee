package steps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func TestARunAtARateWarmsUpUnlessTheScenarioSaysHowLong(t *testing.T) {
	for each, lasts := range map[string][2]time.Duration{
		"60 seconds":   {time.Minute, time.Minute}, // a time is what the run lasts, warm-up included
		"600 requests": {70 * time.Second, time.Minute},
	} {
		w := &world{scale: trials.Rate, each: each, whole: &whole{}, load: loadWords{arrivals: arrival.Poisson{}}}
		a, err := w.attempt(10, nil, 0)
		require.NoError(t, err)
		assert.Equal(t, 10*time.Second, a.warmup, each)
		assert.Equal(t, lasts[0], a.load.(harness.Open).For, each)

		w.warmUpSaid = true // that there is none
		a, err = w.attempt(10, nil, 0)
		require.NoError(t, err)
		assert.Zero(t, a.warmup, each)
		assert.Equal(t, lasts[1], a.load.(harness.Open).For, each)
	}
}

func TestASettingThatOneRunDoesNotDecideGetsLongerOnes(t *testing.T) {
	w := &world{scale: trials.Rate, whole: &whole{}, load: loadWords{arrivals: arrival.Poisson{}}}
	lasts := func(runs int) time.Duration {
		a, err := w.attempt(10, nil, runs)
		require.NoError(t, err)
		return a.load.(harness.Open).For
	}
	assert.InDelta(t, 2*lasts(0), lasts(1), float64(2*time.Millisecond))
	assert.Equal(t, lasts(1), lasts(4))
	w.each = "600 requests"
	assert.Equal(t, lasts(0), lasts(1), "the scenario has said it")
}
