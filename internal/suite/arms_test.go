package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

const inTurns = `Feature: X
  Scenario: Chat
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 30 per second
    And everything is repeated 2 times
    When the load runs for 30 requests
    Then compared with the other server:
      | p50 TTFT | at most 100% worse |
`

// simulated is the same with two simulated servers, of which the first has a fault.
func simulated(fault, second string) string {
	return "@simulated\n" + strings.NewReplacer(
		`the model "llama-3.1-8b" is being served`, `a simulated server of "llama-3.1-8b" on "one H100"`+fault+second,
		"2 times", "4 times", "| p50 TTFT | at most 100% worse |", "| p50 TPOT | at most 2% worse |").Replace(inTurns)
}

const secondOne = "\n    And a second simulated server of \"llama-3.1-8b\" on \"one H100\""

func TestArms_areMeasuredInTurns(t *testing.T) {
	r := feature(t, simulated("\n    And its steps take 1.05 times as long after 0 seconds", secondOne))
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "missed: p50 TPOT was 105 % of the other server, n = 8, against at most 2% worse")
	all := r.manifests(t)
	of := readJSON[trials.Group](t, filepath.Join(r.out, all[0].Run, "trials.json"))
	var order strings.Builder
	seeds := map[int]map[uint64]bool{}
	for _, trial := range of.Trials {
		order.WriteString(map[bool]string{false: "A", true: "B"}[trial.Other])
		if seeds[trial.Number] == nil {
			seeds[trial.Number] = map[uint64]bool{}
		}
		seeds[trial.Number][trial.Seed] = true
	}
	assert.Equal(t, "ABBAABBA", order.String())
	assert.Len(t, seeds, 4)
	for number, of := range seeds {
		assert.Len(t, of, 1, "both runs of pair %d have the same seed", number)
	}
	ours, err := store.ReadBaseline(filepath.Join(r.out, all[0].Run, "bench.txt"))
	require.NoError(t, err)
	others, err := store.ReadBaseline(filepath.Join(r.out, all[0].Run, "bench-other.txt"))
	require.NoError(t, err)
	assert.Equal(t, 4, ours.Runs())
	assert.Equal(t, 4, others.Runs())

	r = feature(t, simulated("", secondOne+"\n    And its steps take 1.05 times as long after 0 seconds"))
	assert.True(t, r.passed, "it is the second that is slower: %s", r.output)
}

func TestArms_twoServersThatAreThere(t *testing.T) {
	t.Parallel()
	one, two := mocked(t).String(), mocked(t).String()
	r := feature(t, inTurns, "VLLM_URL="+one, "VLLM_URL_B="+two, "VLLMSPEC_UNKNOWN=warn")
	require.True(t, r.passed, r.output)
	verdicts := readJSON[[]slo.Verdict](t, filepath.Join(r.out, r.manifests(t)[0].Run, "verdicts.json"))
	assert.Equal(t, slo.Unknown, verdicts[0].Outcome)
	assert.Contains(t, strings.Join(verdicts[0].Notes, "; "), "so few runs decide nothing")
	asked := map[string]int{}
	for _, m := range r.manifests(t)[1:] {
		asked[m.Server.URL]++
		assert.Equal(t, map[bool]string{true: two, false: one}[m.Trial.Kind == "other"], m.Server.URL)
	}
	assert.Equal(t, map[string]int{one: 2, two: 2}, asked)
}

func TestArms_otherServerHasToBeThere(t *testing.T) {
	r := feature(t, inTurns)
	assert.Contains(t, r.output, "there is no other server; set VLLM_URL_B to its base URL")
	assert.Empty(t, r.runs)
	r = feature(t, simulated("", ""))
	assert.Contains(t, r.output, `there is no other server; add: And a second simulated server of "llama-3.1-8b" on "one A100"`)
	r = feature(t, strings.Replace(simulated("", secondOne), "compared with the other server:\n      | p50 TPOT | at most 2% worse |", "these objectives are met:\n      | p50 TPOT | at most 1 s |", 1))
	assert.Contains(t, r.output, "there are two simulated servers, but they are not compared")
	r = feature(t, simulated(secondOne, secondOne))
	assert.Contains(t, r.output, "two servers are compared, not three")
	r = feature(t, inTurns, "VLLM_URL="+mocked(t).String(), "VLLM_URL_B=http://127.0.0.1:1")
	assert.Contains(t, r.output, "the other server: ")
	assert.Contains(t, r.output, "http://127.0.0.1:1 cannot be reached")
	entries, err := os.ReadDir(r.out)
	require.NoError(t, err)
	for _, entry := range entries {
		assert.False(t, entry.IsDir(), "nothing is left of a comparison that did not begin: %s", entry.Name())
	}
}
