package steps

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/phrases"
)

// planned is the plan of a scenario of these sentences, a row of a table each below the one that begins it.
func planned(t *testing.T, lines ...string) (experiment.Plan, error) {
	t.Helper()
	scenario := &godog.Scenario{Name: "One", AstNodeIds: []string{"0"}}
	for i, line := range lines {
		if cells, isRow := strings.CutPrefix(line, "| "); isRow {
			last := scenario.Steps[len(scenario.Steps)-1]
			if last.Argument == nil {
				last.Argument = &messages.PickleStepArgument{DataTable: &messages.PickleTable{}}
			}
			row := &messages.PickleTableRow{}
			for cell := range strings.SplitSeq(strings.TrimSuffix(cells, " |"), " | ") {
				row.Cells = append(row.Cells, &messages.PickleTableCell{Value: cell})
			}
			last.Argument.DataTable.Rows = append(last.Argument.DataTable.Rows, row)
			continue
		}
		scenario.Steps = append(scenario.Steps, &godog.Step{Text: line, AstNodeIds: []string{fmt.Sprint(i)}})
	}
	where := func(nodes []string, row ...int) string { return "x.feature" }
	reader := NewReader(Own{})
	if err := reader.Check([]*godog.Scenario{scenario}, func(*godog.Scenario) bool { return true }, where); err != nil {
		return experiment.Plan{}, err
	}
	return reader.Plan(scenario, Setting{Session: &experiment.Session{}, Virtual: true, Where: where})
}

func TestVocabulary_typedSentencesAreTheCanonicalOnes(t *testing.T) {
	t.Parallel()
	canonical := []string{`the model "llama-3.1-8b" is being served`, "prompts of 1,000 tokens are answered in 128 tokens", "requests arrive as a Poisson process at 8 per second", "the first 10 seconds are warm-up", "5% of requests are given up after 2 seconds",
		"the load runs for 2 minutes", "these objectives are met:", "| p95 TTFT | at most 300 ms |"}
	is, err := planned(t, canonical...)
	require.NoError(t, err)
	for i, all := range [][]string{
		{`The model "llama-3.1-8b" is being served.`, `the MODEL "llama-3.1-8b" is being served`},
		{"prompts of 1k tokens are answered in 128 tokens", "Prompts of 1K tok are answered in 128 toks", "prompts of 1000 tokens are  answered in 128 tokens", "prompts of 1,000 tokens are answered in 128 tokens.", "prompts of 1,000 +- 0 tokens are answered in 128 tokens", "prompts of 1,000 +/- 0 tokens are answered in 128 ± 0 tokens"},
		{"requests arrive as a poisson process at 8 req/s", "Requests arrive as a Poisson process at 8 rps", "requests arrive as a Poisson process at 8 requests/s", "requests arrive as a Poisson process at 8 requests per second",
			"requests arrive as a Poisson process at 8/s", "requests arrive as a Poisson process at 8 RPS", "requests arrive as a Poisson process at 8 per sec", "requests arrive as a Poisson process at 8 requests a second", "requests arrive as a Poisson process at 8 qps"},
		{"the first 10s are warm-up", "the first 10 sec are warm-up", "the first 10 s is warm-up", "The First 10 Seconds Are Warm-Up"},
		{"5 % of requests are given up after 2s", "5 percent of requests are given up after 2 sec", "5 per cent of requests are given up after 2,000 ms"},
		{"the load runs for 2 min", "the load runs for 120s", "the load runs for 2m", "the load runs for 2 Minutes", "the load runs for 1m60s"},
		{"these objectives are met", "These objectives are met:"},
	} {
		for _, typed := range all {
			lines := append([]string{}, canonical...)
			lines[i] = typed
			plan, err := planned(t, lines...)
			if assert.NoError(t, err, typed) {
				assert.Equal(t, is, plan, typed)
			}
		}
	}
	for _, rows := range [][]string{{"| metric | limit |", "| p95 TTFT | < 300ms |"}, {"| Objective | Target |", "| TTFT p95 | under 300 ms |"}, {"| ttft_p95 < 300ms |"}, {"| p95 TTFT | < | 300 ms |"}, {"| metric | statistic | limit |", "| TTFT | p95 | < 300 ms |"}, {"| p95 TTFT under 300ms |"}} {
		plan, err := planned(t, append(append([]string{}, canonical[:7]...), rows...)...)
		if assert.NoError(t, err, rows) {
			assert.Equal(t, is.Questions, plan.Questions, rows)
			assert.Equal(t, is.Scenario.Objectives, plan.Scenario.Objectives, rows)
		}
	}
}

func TestVocabulary_otherTypedSentences(t *testing.T) {
	t.Parallel()
	v := newVocabulary(nil)
	for typed, canonical := range map[string]string{
		"the load is swept over 2, 4 and 8 rps":                                   "the load is swept over 2, 4 and 8 requests per second",
		"the load is swept over 2, 4 and 8 req/s":                                 "the load is swept over 2, 4 and 8 requests per second",
		"these objectives are met at 8 req/s:":                                    "these objectives are met at 8 per second:",
		"that rate is at least 24 rps":                                            "that rate is at least 24 per second",
		"requests arrive evenly at 1.5k req/s":                                    "requests arrive evenly at 1.5k per second",
		"Requests arrive in bursts at 8 rps with a coefficient of variation of 3": "requests arrive in bursts at 8 per second with a coefficient of variation of 3",
		"the request rate swings between 2 and 8 req/s every 1h":                  "the request rate swings between 2 and 8 per second every 1h",
		"Everything is repeated 5x":                                               "everything is repeated 5 times",
		"32 Users ask with a think time of 2s":                                    "32 users ask with a think time of 2s",
		"a request is good when":                                                  "a request is good when:",
	} {
		is, ok := v.ReadText(canonical)
		require.True(t, ok, canonical)
		got, ok := v.ReadText(typed)
		if assert.True(t, ok, typed) {
			assert.NoError(t, v.Check(typed, phrases.All()))
			assert.Equal(t, is.Pattern, got.Pattern, typed)
			assert.Equal(t, is.Args, got.Args, typed)
		}
	}
}

// TestVocabulary_saysWhatWasMeant is for sentences of other tools' users.
func TestVocabulary_saysWhatWasMeant(t *testing.T) {
	t.Parallel()
	v := newVocabulary(nil)
	for typed, meant := range map[string]string{
		"I send 10 requests per second":          "requests arrive as a Poisson process at 10 per second",
		"10 rps are sent":                        "requests arrive as a Poisson process at 10 per second",
		"a request rate of 8 per second":         "requests arrive as a Poisson process at 8 per second",
		"there are 32 concurrent users":          "32 users ask with a think time of 1 second",
		"the concurrency is 32":                  "32 users ask with a think time of 1 second",
		"I run the load for 2 minutes":           "the load runs for 2 minutes",
		"the test runs for 2 minutes":            "the load runs for 2 minutes",
		"the duration is 60 seconds":             "the load runs for 60 seconds",
		"the load runs during 5 minutes":         "the load runs for 5 minutes",
		`the model is "llama-3.1-8b"`:            `the model "llama-3.1-8b" is being served`,
		`I use the model "llama-3.1-8b"`:         `the model "llama-3.1-8b" is being served`,
		"p95 TTFT is under 300 ms":               "these objectives are met: | p95 TTFT | at most 300 ms |",
		"the p95 latency should be below 2s":     "these objectives are met: | p95 E2E latency | at most 2 s |",
		"the error rate is less than 1%":         "these objectives are met: | error rate | at most 1% |",
		"prompts of 512 tokens":                  "prompts of 512 tokens are answered in 128 tokens",
		"input tokens 512 and output tokens 128": "prompts of 512 tokens are answered in 128 tokens",
		"the warm-up is 10 seconds":              "the first 10 seconds are warm-up",
		`the dataset is "sharegpt"`:              `conversations are drawn from "sharegpt"`,
		"the max tokens are 256":                 "answers are at most 256 tokens long",
		"the following objectives are met:":      "these objectives are met:",
	} {
		assert.ErrorContains(t, v.Check(typed, phrases.All()), fmt.Sprintf("did you mean %q?", meant), typed)
	}
}
