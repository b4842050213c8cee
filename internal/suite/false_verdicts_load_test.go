package suite_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// scratch is what a feature calls a file that its case writes before it is run; see scratchOf.
func scratch(name string) string { return scratchFolder + name }

const scratchFolder = "/the-folder-of-the-case/"

// scratchOf is where that file is. Cases run beside each other: each has a folder of its own.
func scratchOf(t *testing.T, name string) string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("vllmspec-%d-%x", os.Getpid(), sha256.Sum224([]byte(t.Name()))), name)
}

// writing writes a scratch file.
func writing(t *testing.T, name, content string) {
	t.Helper()
	path := scratchOf(t, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(path)) })
}

// onTheMock is a scenario on the simulated server.
func onTheMock(given, extent, rows string) string {
	return "Feature: X\n  Scenario: One\n    Given a simulated server of \"llama-3.1-8b\" on \"one H100\"\n" + given +
		"    When the load runs for " + extent + "\n    Then these objectives are met:\n" + rows
}

// shortTrace is a trace of twelve requests, one each second.
func shortTrace() string {
	var out strings.Builder
	out.WriteString("Timestamp,Request tokens,Response tokens\n")
	for i := range 12 {
		fmt.Fprintf(&out, "%d,200,8\n", i)
	}
	return out.String()
}

// manyPrompts are lines of so many prompts, with what else each of them asks.
func manyPrompts(n int, more string) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, "{\"prompt\": \"%d %s\"%s}\n", i, strings.Repeat("word ", 40), more)
	}
	return out.String()
}

// drawing is a scenario of a second or so on the server that is named, with prompts of a
// scratch file.
func drawing(file, load, extent, rows string) string {
	return fmt.Sprintf("Feature: X\n  Scenario: One\n    Given the model \"llama-3.1-8b\" is being served\n    And conversations are drawn from %q\n    And answers are at most 4 tokens long\n    And %s\n    When the load runs for %s\n    Then these objectives are met:\n%s",
		scratch(file), load, extent, rows)
}

// words is a stream of so many words, that ends with this reason and these counts.
func words(n int, finish string, counts ...string) stream {
	return func(send func(string)) {
		for range n {
			send(piece("word ", ""))
		}
		send(piece("", finish))
		for _, c := range counts {
			send(c)
		}
		send("[DONE]")
	}
}

func loadVerdicts() []verdictCase {
	var all []verdictCase
	for _, of := range [][]verdictCase{shortLoads(), brokenFiles(), brokenBounds(), endings(), wrongCounts()} {
		all = append(all, of...)
	}
	return all
}

func shortLoads() []verdictCase {
	const rows = "      | error rate | none |\n      | p50 TTFT | at most 5 s |\n"
	unknown := map[string]slo.Outcome{"error rate none": slo.Unknown, "p50 TTFT at most 5 s": slo.Unknown}
	trace := func(t *testing.T) []string { writing(t, "short.csv", shortTrace()); return nil }
	played := fmt.Sprintf("    And requests arrive as in the trace %q\n", scratch("short.csv"))
	stages := "    And prompts of 64 tokens are answered in 4 tokens\n    And the request rate follows these stages:\n      | for 10 seconds | 4 per second |\n      | for 10 seconds | from 4 to 0 per second |\n"
	return []verdictCase{
		{"load", "a trace of 12 requests for a load of 1,000", onTheMock(played, "1,000 requests", rows), trace, unknown,
			[]string{"12 requests in 11 s, 1 per second on average", "no verdict known: it issues 12 of 1,000 requests", "the load was not the one that was asked for: it issued 12 of 1,000 requests, because the arrivals end", "write: When the load runs for 12 requests"}},
		{"load", "a trace of 12 seconds for a load of 10 minutes", onTheMock(played, "10 minutes", rows), trace, unknown,
			[]string{"it issued 11s of a load of 10m0s (12 requests), because the arrivals end"}},
		{"load", "all of a trace", onTheMock(played, "12 requests", rows), trace,
			map[string]slo.Outcome{"error rate none": slo.Met}, nil},
		{"load", "stages that end in no requests, by count", onTheMock(stages, "1,000 requests", rows), nil, unknown,
			[]string{"of 1,000 requests, because the arrivals end"}},
		{"load", "stages that end in no requests, by time", onTheMock(stages, "2 minutes", rows), nil, unknown,
			[]string{"of a load of 2m0s"}},
		{"load", "stages down to no requests, to their end", onTheMock(stages, "20 seconds", "      | error rate | none |\n"), nil,
			map[string]slo.Outcome{"error rate none": slo.Met}, nil},
		{"load", "answers that are awaited when the grace is over", onTheMock("    And prompts of 64 tokens are answered in 16 tokens\n    And requests arrive evenly at 4 per second\n    And it freezes for 30 minutes after 30 seconds\n    And answers are awaited for at most 1 minute after the load\n",
			"1 minute", "      | error rate | none |\n      | p90 TTFT | at most 1 s |\n      | request throughput | at least 3 per second |\n"), nil,
			map[string]slo.Outcome{"error rate none": slo.Unknown, "p90 TTFT at most 1 s": slo.Missed, "request throughput at least 3 per second": slo.Missed},
			[]string{"had no end when we stopped waiting"}},
	}
}

func brokenFiles() []verdictCase {
	unknown := map[string]slo.Outcome{"error rate none": slo.Unknown}
	cutting := func(t *testing.T) []string {
		writing(t, "cut.jsonl", manyPrompts(400, ""))
		file, answer := scratchOf(t, "cut.jsonl"), words(3, "stop", usage(50, 4))
		var answered atomic.Int64
		return serving(func(send func(event string)) {
			if answered.Add(1) == 20 {
				os.Truncate(file, 1000)
			}
			answer(send)
		})(t)
	}
	return []verdictCase{
		{"load", "a file that is cut under the load", drawing("cut.jsonl", "requests arrive evenly at 100 per second", "2 seconds", "      | error rate | none |\n"), cutting, unknown,
			[]string{"because the dataset could not be read to its end", "the file has changed since it was checked"}},
		{"load", "a file that is cut under a closed loop", drawing("cut.jsonl", "8 users ask with a think time of 50 milliseconds", "2 seconds", "      | error rate | none |\n"), cutting, unknown,
			[]string{"users ended early", "because the dataset could not be read to its end"}},
	}
}

func brokenBounds() []verdictCase {
	const rows = "      | error rate | none |\n"
	unknown := map[string]slo.Outcome{"error rate none": slo.Unknown}
	asking := func(more string, answer stream) func(*testing.T) []string {
		return func(t *testing.T) []string {
			writing(t, "prompts.jsonl", manyPrompts(40, more))
			return serving(answer)(t)
		}
	}
	scenario := drawing("prompts.jsonl", "requests arrive evenly at 30 per second", "1 second", rows)
	return []verdictCase{
		{"load", "a bound that the server ignores", scenario, asking("", words(9, "stop", usage(50, 9))), unknown, []string{"30 of 30 answers were longer than the load allows"}},
		{"load", "a bound that the server ignores, and counts nothing", scenario, asking("", words(9, "stop")), unknown, []string{"30 of 30 answers were longer than the load allows"}},
		{"load", "a least that the server ignores", scenario, asking(`, "min_tokens": 3`, words(2, "stop", usage(50, 2))), unknown, []string{"30 of 30 answers were shorter than the load asks for"}},
		{"load", "output_tokens of a line that the server ignores", scenario, asking(`, "output_tokens": 2`, words(4, "stop", usage(50, 4))), unknown, []string{"30 of 30 answers were longer than the load allows"}},
		{"load", "bounds that are kept", scenario, asking(`, "min_tokens": 3`, words(4, "length", usage(50, 4))), map[string]slo.Outcome{"error rate none": slo.Met}, nil},
	}
}

func endings() (all []verdictCase) {
	const rows = "      | error rate | none |\n      | p50 E2E latency | at most 30 s |\n      | output throughput | at least 1 tokens per second |\n      | p50 TTFT | at least 1 us |\n"
	failed := map[string]slo.Outcome{"error rate none": slo.Missed, "p50 E2E latency at most 30 s": slo.Missed, "output throughput at least 1 tokens per second": slo.Missed, "p50 TTFT at least 1 µs": slo.Unknown}
	for finish, says := range map[string]string{"abort": "the server aborted answers", "FINISH_ABORT": "the server aborted answers", "Error": "the server ended answers with an error", "timeout": "the server ended answers for want of time"} {
		all = append(all, verdictCase{"answers", "answers that end by " + finish, asking(rows), serving(words(4, finish, usage(64, 4))), failed, []string{says}})
	}
	broken := func(t *testing.T) []string {
		variables := serving(nil)(t)
		to := strings.TrimPrefix(variables[0], "VLLM_URL=")
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/models") {
				http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
				return
			}
			if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), `"max_tokens":1,`) { // to see whether it can be reached
				w.Header().Set("Content-Type", "text/event-stream")
				words(1, "length", usage(1, 1))(func(event string) { fmt.Fprintf(w, "data: %s\n\n", event) })
				return
			}
			http.Error(w, `{"error": {"message": "worker died"}}`, http.StatusInternalServerError)
		}))
		t.Cleanup(server.Close)
		return []string{"VLLM_URL=" + server.URL, "VLLMSPEC_DASHBOARD=off"}
	}
	return append(all,
		verdictCase{"answers", "no request is answered", asking(rows), broken, failed, []string{"✗ missed   error rate", "because the server answered with status 500"}},
		verdictCase{"answers", "answers that a filter keeps back", asking("      | error rate | none |\n      | p50 TTFT | at most 5 s |\n      | p50 E2E latency | at most 5 s |\n"), serving(words(0, "content_filter")),
			map[string]slo.Outcome{"error rate none": slo.Met, "p50 TTFT at most 5 s": slo.Unknown, "p50 E2E latency at most 5 s": slo.Unknown}, []string{`30 of 30 answers ended by a filter of content (finish reason "content_filter")`}},
		verdictCase{"answers", "a finish reason that is not known", asking("      | error rate | none |\n"), serving(words(4, "sunset", usage(64, 4))),
			map[string]slo.Outcome{"error rate none": slo.Met}, []string{`30 of 30 answers ended with the finish reason "sunset", which is not known here`}},
	)
}

func wrongCounts() (all []verdictCase) {
	const rows = "      | error rate | none |\n      | output throughput | at least 1 tokens per second |\n      | mean output tokens | at least 1 |\n      | p50 TPOT | at most 5 s |\n"
	wants := map[string]slo.Outcome{"error rate none": slo.Met, "output throughput at least 1 tokens per second": slo.Unknown, "mean output tokens at least 1": slo.Unknown, "p50 TPOT at most 5 s": slo.Unknown}
	sum := strings.Replace(usage(64, 4), `"total_tokens":68`, `"total_tokens":60`, 1)
	for name, counts := range map[string][]string{
		"fewer tokens than chunks":            {usage(64, 1)},
		"no tokens, and chunks":               {usage(64, 0)},
		"zeros after a good count":            {usage(64, 4), usage(0, 0)},
		"a negative count":                    {usage(64, -4)},
		"a total that is less than its parts": {sum},
	} {
		scenario := strings.Replace(asking(rows), "prompts of 64 tokens are answered in 4 tokens", fmt.Sprintf("conversations are drawn from %q\n    And answers are at most 8 tokens long", scratch("counted.jsonl")), 1)
		variables := func(t *testing.T) []string {
			writing(t, "counted.jsonl", manyPrompts(40, ""))
			return serving(words(4, "stop", counts...))(t)
		}
		all = append(all, verdictCase{"counts", name, scenario, variables, wants, []string{"the server's token counts cannot be right in 30 of 30 answers"}})
	}
	return all
}

// TestShortfall_isStored judges stored runs again, of loads that ended early and of
// requests that were cut.
func TestShortfall_isStored(t *testing.T) {
	for _, c := range shortLoads() {
		if c.variables != nil {
			c.variables(t)
		}
		r := feature(t, strings.ReplaceAll(c.feature, scratchFolder, scratchOf(t, "")+"/"))
		outcomes := lastVerdicts(t, r)
		stored, err := store.Open(r.runs[0])
		require.NoError(t, err)
		for _, v := range slo.Judge(measure.Of(stored.Run), stored.Run.Scenario.Objectives) {
			assert.Equal(t, outcomes[v.Text], v.Outcome, "%s: %s", c.name, v.Text)
		}
	}
}
