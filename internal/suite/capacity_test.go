package suite_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// TestKnee_liesWhereTheFormulaSays brackets the measured capacity of a mock
// of 8 places: 10 % below the closed form it keeps up, 10 % above it does not.
func TestKnee_liesWhereTheFormulaSays(t *testing.T) {
	const places, prompt, answer = 8, 256, 128
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	require.NoError(t, err)
	// Of the steps in which a request takes part the first computes its prompt,
	// and each gives one token. With all places taken, a step decodes for all but
	// places/answer of them, and computes that many prompts.
	decoding := places * (answer - 1.0) / answer
	prompts := float64(places) / answer
	step := profile.StepTime(int(math.Round(decoding+prompts*prompt)), places, int(decoding*(prompt+answer/2)), prompts*prompt*prompt/2)
	capacity := places / (answer * step.Seconds())

	keptUp := func(rate float64) float64 {
		r := feature(t, fmt.Sprintf(`@simulated
Feature: Capacity
  Scenario: %.2f per second
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it can hold %d sequences and 20,000 cache blocks
    And prompts of %d tokens are answered in %d tokens
    And requests arrive as a Poisson process at %.2f per second
    And the first 20 seconds are warm-up
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | none |
`, rate, places, prompt, answer, rate))
		require.True(t, r.passed, r.output)
		stored, err := store.Open(r.runs[0])
		require.NoError(t, err)
		figures := map[string]float64{}
		for _, f := range measure.Of(stored.Run).Figures() {
			figures[f.Name] = f.Value
		}
		return figures["request throughput"] / figures["request rate"]
	}
	assert.Greater(t, keptUp(0.9*capacity), 0.98)
	assert.Less(t, keptUp(1.1*capacity), 0.95)
}
