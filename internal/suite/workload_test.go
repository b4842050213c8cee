package suite_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
)

// records are those of the one run that there was.
func records(t *testing.T, r ran) []harness.Record {
	t.Helper()
	require.Len(t, r.runs, 1, r.output)
	stored, err := store.Open(r.runs[0])
	require.NoError(t, err)
	return slices.Collect(stored.Run.Records)
}

// TestWorkload_storedRunIsAskedOnceMore replays a run from its requests.parquet.
func TestWorkload_storedRunIsAskedOnceMore(t *testing.T) {
	const begin = `@simulated
Feature: X
  Scenario: One
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it serves the adapter "sql"
`
	const end = `    When the load runs for 1 minute
    Then these objectives are met:
      | error rate | none |
      | queries: p50 TTFT | at most 500 ms |
`
	first := feature(t, begin+`    And the traffic is a mix of:
      | chat    | 60% | prompts of 100 to 900 tokens are answered in 16 ± 4 tokens |                |
      | queries | 40% | prompts of 256 ± 64 tokens are answered in 8 tokens        | asked of "sql" |
    And requests arrive in bursts at 4 per second with a coefficient of variation of 3
`+end)
	require.True(t, first.passed, first.output)
	before := records(t, first)
	again := feature(t, begin+fmt.Sprintf("    And requests arrive as in the trace %q\n", filepath.Join(first.runs[0], "requests.parquet"))+end)
	require.True(t, again.passed, again.output)
	after := records(t, again)
	require.Len(t, after, len(before))
	require.Greater(t, len(before), 100)
	for i, was := range before {
		is := after[i]
		assert.Equal(t, was.Due, is.Due)
		assert.Equal(t, []any{was.Class, was.RequestedModel, was.PromptTokens, was.OutputTokens}, []any{is.Class, is.RequestedModel, is.PromptTokens, is.OutputTokens})
	}
}

func TestWorkload_adaptersInTheirShares(t *testing.T) {
	r := feature(t, `@simulated
Feature: X
  Scenario: One
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And it serves the adapter "sql"
    And it refuses 5% of requests
    And prompts of 64 tokens are answered in 8 tokens
    And 25% of requests ask the adapter "sql"
    And requests arrive as a Poisson process at 8 per second
    When the load runs for 2 minutes
    Then these objectives are met:
      | error rate | at most 10% |
`)
	require.True(t, r.passed, r.output)
	sql, refused, all := 0, 0, records(t, r)
	for _, rec := range all {
		if rec.RequestedModel == "sql" {
			sql++
			if !rec.OK() {
				refused++
			} else {
				assert.Equal(t, "sql", rec.Model, "the server's own word")
			}
		}
	}
	assert.InDelta(t, 0.25*float64(len(all)), sql, 55, "four deviations")
	assert.Positive(t, refused, "the record knows whom it asked though nobody answered")
}

// TestWorkload_imagesAndToolsReachTheServer sends a line of a batch, live.
func TestWorkload_imagesAndToolsReachTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cat.png"), []byte("\x89PNG\r\n\x1a\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "batch.jsonl"), []byte(`{"custom_id": "1", "body": {"model": "theirs", "temperature": 0, "tools": [{"type": "function", "function": {"name": "f"}}],
 "messages": [{"role": "user", "content": [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": "file:cat.png"}}]}]}}`), 0o644))
	flat, err := os.ReadFile(filepath.Join(dir, "batch.jsonl"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "batch.jsonl"), []byte(strings.ReplaceAll(string(flat), "\n", "")), 0o644))
	var mu sync.Mutex
	var body string
	url := live(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		if r.URL.Path == "/v1/chat/completions" {
			body = string(raw)
		}
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, `data: {"choices":[{"text":"Hi","delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":0}}}`+"\n\ndata: [DONE]\n\n")
	})
	r := feature(t, `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "`+filepath.Join(dir, "batch.jsonl")+`"
    And answers are at most 9 tokens long
    And requests arrive evenly at 50 per second
    When the load runs for 2 requests
    Then these objectives are met:
      | requests | exactly 2 |
`, "VLLM_URL="+url, "VLLMSPEC_UNKNOWN=warn")
	require.Len(t, r.runs, 1, r.output)
	mu.Lock()
	defer mu.Unlock()
	unsalted := regexp.MustCompile(`"cache_salt":"[0-9a-f]+",`).ReplaceAllString(body, "")
	assert.NotEqual(t, body, unsalted, "it is asked under the run's salt")
	assert.JSONEq(t, `{"model": "llama-3.1-8b", "stream": true, "stream_options": {"include_usage": true}, "max_completion_tokens": 9, "temperature": 0,
		"tools": [{"type": "function", "function": {"name": "f"}}],
		"messages": [{"role": "user", "content": [{"type": "text", "text": "Which?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,`+
		base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n"))+`"}}]}]}`, unsalted)
}

func TestMistakes_inTrafficEndBeforeTheLoad(t *testing.T) {
	sound := minute + "      | p50 TTFT | at most 500 ms |\n"
	for name, c := range map[string]struct{ from, to, says string }{
		"no rate":            {"as a Poisson process at 8 per second", "in bursts with a coefficient of variation of 3", "requests arrive (in bursts with a coefficient of variation of 3), but nothing says at what rate"},
		"two rates":          {"    When", "    And the request rate swings between 1 and 8 per second every 1 minute\n    When", "the rate is said twice"},
		"two rates again":    {"    And requests", "    And the request rate swings between 1 and 8 per second every 1 minute\n    And requests", "the rate is said twice"},
		"two changes":        {"requests arrive as a Poisson process at 8 per second\n", "the request rate swings between 1 and 8 per second every 1 minute\n    And the request rate follows these stages:\n      | for 1 minute | 8 per second |\n", "describes two loads"},
		"log-normal":         {"256 tokens", "a log-normal 256 tokens", "does not say how much lengths vary; write a log-normal 512 ± 256"},
		"a histogram":        {"    When", "    And the lengths of answers are drawn from \"my.csv\"\n    When", "lengths are said twice"},
		"half a histogram":   {"    And prompts of 256 tokens are answered in 32 tokens\n", "    And the lengths of prompts are drawn from \"my.csv\"\n", "there is no file "},
		"two lengths":        {"    When", "    And answers are at most 64 tokens long\n    When", "the length of answers is said twice"},
		"an adapter of none": {"    When", "    And 20% of requests ask the adapter \"sql\"\n    When", `no adapter "sql"; to give it one, add: And it serves the adapter "sql"`},
		"an adapter's name":  {"the model \"llama-3.1-8b\" is being served", "a simulated server of \"llama-3.1-8b\" on \"one H100\"\n    And it serves the adapter \"sql\"\n    And 20% of requests ask the adapter \"sqk\"", `no adapter "sqk"; did you mean "sql"?`},
		"adapters' shares":   {"the model \"llama-3.1-8b\" is being served", "a simulated server of \"llama-3.1-8b\" on \"one H100\"\n    And it serves the adapter \"a\"\n    And it serves the adapter \"b\"\n    And 60% of requests ask the adapter \"a\"\n    And 60% of requests ask the adapter \"b\"", "the shares of the adapters are 120 % together"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, sound, c.from)
			r := feature(t, strings.Replace(sound, c.from, c.to, 1))
			assert.False(t, r.passed)
			assert.Contains(t, r.output, c.says)
			assert.Empty(t, r.runs, "nothing was measured")
		})
	}
}
