package suite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

const swept = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 512 tokens are answered in 4 tokens
    And requests arrive as a Poisson process
    And each run lasts 600 requests
    When the load is swept over 4, 16 and 160 requests per second
    Then these objectives are met:
      | error rate | none |
    And these objectives are met at 4 per second:
      | p90 TTFT | at most 60 ms |
`

func TestSweep_isOneCurveOfStoredRuns(t *testing.T) {
	r := feature(t, swept)
	require.True(t, r.passed, r.output)
	all := r.manifests(t)
	require.Len(t, all, 4)
	whole := readJSON[trials.Group](t, filepath.Join(r.out, all[0].Run, "trials.json"))
	assert.Equal(t, trials.Sweep, whole.Kind)
	require.Len(t, whole.Curve.Points, 3)
	var slower float64
	for i, p := range whole.Curve.Points {
		assert.Equal(t, []float64{4, 16, 160}[i], p.Setting)
		assert.Equal(t, []string{all[i+1].Run}, p.Runs)
		ttft, ok := trials.Named(p.Figures, "p95 TTFT")
		require.True(t, ok)
		assert.Greater(t, *ttft.Value, slower, "the more is asked, the longer it takes")
		slower = *ttft.Value
	}
	assert.Equal(t, 1, whole.Curve.Knee, "twice what the server can do is beyond the knee")

	verdicts := readJSON[[]slo.Verdict](t, filepath.Join(r.out, all[0].Run, "verdicts.json"))
	require.Len(t, verdicts, 4, "the first table at each point, the second at one of them")
	assert.Equal(t, "error rate at 16 per second", verdicts[1].Name())
	assert.Contains(t, verdicts[3].Sentence(), "met: p90 TTFT at 4 per second was ")
	assert.Contains(t, verdicts[3].Sentence(), "against at most 60 ms")
}

func TestSweep_namesThePointThatIsMissed(t *testing.T) {
	r := feature(t, strings.Replace(swept, "| error rate | none |", "| p90 TTFT | at most 200 ms |", 1))
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "1 of 3 objectives are not met:")
	assert.Contains(t, r.output, "missed: p90 TTFT at 160 per second was ")
}

func TestSweep_thatCannotBeIsRefused(t *testing.T) {
	sought := strings.NewReplacer("    And each run lasts 600 requests\n", "", "the load is swept over 4, 16 and 160 requests per second\n",
		"the highest request rate between 1 and 64 per second is sought that meets:\n      | p90 TTFT | at most 500 ms |\n").Replace(swept)
	sought = sought[:strings.Index(sought, "    Then these")] + "    Then that rate is at least 8 per second\n"
	for name, c := range map[string]struct{ text, from, to, says string }{
		"another point":  {swept, "met at 4 per second", "met at 5 per second", "features/x.feature:10: the load is not swept over 5 per second, but over 4, 16 and 160"},
		"another scale":  {swept, "met at 4 per second", "met with 4 users", "the load is swept over requests per second, and not over users"},
		"downwards":      {swept, "4, 16 and 160", "4, 16 and 8", "8 per second comes after 16 per second"},
		"one point":      {swept, "4, 16 and 160", "4", "a sweep has at least two settings"},
		"a rate":         {swept, "a Poisson process", "a Poisson process at 8 per second", "the rate is said twice; leave it out"},
		"users":          {swept, "requests arrive as a Poisson process", "users ask with a think time of 1 second", "this load has no rate that could be another"},
		"no point":       {swept, "met at 4 per second:", "met:\n      | p90 TTFTT | at most 60 ms |", `features/x.feature:11: unknown metric "TTFTT"; did you mean "TTFT"?`},
		"typo in a row":  {swept, "| p90 TTFT | at most 60 ms |", "| p90 TTFT | at most 60 mss |", `features/x.feature:11: "mss" is no unit of TTFT`},
		"out of range":   {sought, "that rate is at least 8", "that rate is at least 80", "the search goes from 1 per second to 64 per second, and cannot tell whether it is 80 per second"},
		"search down":    {sought, "between 1 and 64", "between 64 and 1", "a search goes from the lower end to the higher; write: between 1 and 64"},
		"nothing wanted": {sought, "    Then that rate is at least 8 per second\n", "", "nothing is expected of this search; add: Then that rate is at least 24 per second"},
		"repeats":        {sought, "    When", "    And everything is repeated 3 times\n    When", "a search runs each load as often as it needs"},
		"users of rates": {sought, "that rate is at least 8 per second", "that number of users is at least 8", "requests per second are sought, and not users"},
		"a search's row": {sought, "| p90 TTFT | at most 500 ms |", "| p90 TFTT | at most 500 ms |", `features/x.feature:7: unknown metric "TFTT"; did you mean "TTFT"?`},
	} {
		require.Contains(t, c.text, c.from, name)
		r, err := try(t, strings.Replace(c.text, c.from, c.to, 1))
		assert.False(t, r.passed, name)
		said := r.output
		if err != nil {
			said = err.Error()
		}
		assert.Contains(t, said, c.says, name)
		assert.Empty(t, r.runs, "%s: nothing was run", name)
	}
}

func TestSearch_leavesATrail(t *testing.T) {
	const text = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 1,024 tokens are answered in 4 tokens
    And requests arrive as a Poisson process
    And each run lasts 200 requests
    And the search takes at most 90 seconds
    When the highest request rate between 1 and 64 per second is sought that meets:
      | p90 TTFT | at most 500 ms |
    Then that rate is at least 8 per second
`
	r := feature(t, text)
	require.True(t, r.passed, r.output)
	all := r.manifests(t)
	whole := readJSON[trials.Group](t, filepath.Join(r.out, all[0].Run, "trials.json"))
	f := whole.Search
	assert.Contains(t, f.Ended, "no time is left: the search takes at most 1m30s, and the next run would take")
	assert.GreaterOrEqual(t, f.Lo, 8.0)
	assert.Len(t, whole.Trials, len(all)-1, "each run of each probe is stored")
	for _, p := range f.Probes {
		assert.NotEmpty(t, p.Decides)
		assert.NotEmpty(t, p.Runs)
	}
	again := feature(t, text)
	assert.Equal(t, f.Says, readJSON[trials.Group](t, filepath.Join(again.out, again.manifests(t)[0].Run, "trials.json")).Search.Says, "the same seed, the same trail")
}
