package suite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
)

// What stands after a table that is not met is judged all the same.
func TestTables_areAllJudged(t *testing.T) {
	r := feature(t, `
Feature: f
  Scenario: Three tables
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 16 tokens
    And requests arrive evenly at 4 per second
    When the load runs for 20 requests
    Then these objectives are met:
      | max TTFT | at most 1 ms |
    And these objectives are met:
      | max E2E latency | at most 2 ms |
    And client and server agree on:
      | requests | exactly |
`)
	assert.False(t, r.passed)
	verdicts := readJSON[[]slo.Verdict](t, filepath.Join(r.out, r.manifests(t)[0].Run, "verdicts.json"))
	require.Len(t, verdicts, 3)
	assert.Equal(t, []slo.Outcome{slo.Missed, slo.Missed, slo.Met}, []slo.Outcome{verdicts[0].Outcome, verdicts[1].Outcome, verdicts[2].Outcome})
	assert.Contains(t, r.output, "max E2E latency was")
}
