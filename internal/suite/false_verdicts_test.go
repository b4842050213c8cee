package suite_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// A verdictCase is a situation in which a verdict would be false that says nothing of
// it: a server, a file or an environment, and what is right to say there.
type verdictCase struct {
	kind, name string
	feature    string
	variables  func(t *testing.T) []string // nil: the mock in virtual time
	wants      map[string]slo.Outcome      // by the text of the objective: "error rate none"
	says       []string                    // what the console says, among other things
}

// TestFalseVerdicts prints one row for each kind of situation. Run it alone with
// go test -v -run FalseVerdicts ./internal/suite
func TestFalseVerdicts(t *testing.T) {
	cases := slices.Concat(streamVerdicts(), reasonVerdicts(), loadVerdicts(), serverVerdicts(), cacheVerdicts())
	found := make([]map[string]slo.Outcome, len(cases))
	var rows, letOff atomic.Int64     // of real loads
	t.Run("all", func(t *testing.T) { // ends when those that run beside each other have ended
		places := make(chan bool, atOnce)
		var live sync.WaitGroup
		for i, c := range cases {
			if c.variables != nil { // a server is waited for, most of the time
				live.Go(func() {
					places <- true
					defer func() { <-places }()
					t.Run(c.name, func(t *testing.T) {
						var late int
						found[i], late = c.outcomes(t)
						rows.Add(int64(len(c.wants)))
						letOff.Add(int64(late))
					})
				})
			}
		}
		live.Wait()
		for i, c := range cases {
			if c.variables == nil { // in virtual time, which is work: it would make the client of others late
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					found[i], _ = c.outcomes(t)
				})
			}
		}
	})
	assert.LessOrEqual(t, letOff.Load(), rows.Load()/2, "of %d objectives of real loads: a client that is late so often is a defect, or has no machine to run on", rows.Load())
	var table strings.Builder
	lines := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, "kind\tsituation\tobjective\toutcome")
	for i, c := range cases {
		for _, text := range slices.Sorted(maps.Keys(c.wants)) {
			fmt.Fprintf(lines, "%s\t%s\t%s\t%s\n", c.kind, c.name, text, found[i][text])
		}
	}
	require.NoError(t, lines.Flush())
	t.Log("\n" + table.String())
}

// outcomes are those of the rows in this situation, by their texts.
// Of a real load letOff of them are unknown, because the client was late.
func (c verdictCase) outcomes(t *testing.T) (found map[string]slo.Outcome, letOff int) {
	var variables []string
	if c.variables != nil {
		variables = c.variables(t)
	}
	r := feature(t, strings.ReplaceAll(c.feature, scratchFolder, scratchOf(t, "")+"/"), variables...)
	outcomes := lastVerdicts(t, r)
	letOff = r.areVerdicts(t, c.wants)
	for _, sentence := range c.says {
		assert.Contains(t, r.output, sentence)
	}
	return outcomes, letOff
}

// areVerdicts holds the outcomes of the newest run, by the texts of their objectives, against those that are right. Of a
// run in real time one may be unknown instead, because the client was late: on a busy machine it is, and must say so.
// How many are is returned, so that a client that is always late does not pass.
func (r ran) areVerdicts(t *testing.T, wants map[string]slo.Outcome) (letOff int) {
	t.Helper()
	require.NotEmpty(t, r.runs, r.output)
	again := isJudgedAgain(t, r.runs[0])
	require.NotNil(t, again)
	found := map[string]slo.Verdict{}
	for _, v := range again.Verdicts {
		found[v.Text] = v
	}
	for text, wanted := range wants {
		v := found[text]
		if v.Outcome == slo.Unknown && wanted != slo.Unknown && !again.Manifest.Virtual && late(again, v) {
			t.Logf("%s: unknown instead of %s, because the client was late", text, wanted)
			letOff++
			continue
		}
		assert.Equal(t, wanted, v.Outcome, "%s\n%s", text, r.output)
	}
	return letOff
}

// late reports whether a verdict is unknown because the client was late, or could not run.
func late(r *judge.Rejudged, v slo.Verdict) bool {
	if v.Doubt == slo.OfClient {
		return true
	}
	return v.Doubt == slo.Voided && slices.ContainsFunc(slo.Checks(r.Window), func(c slo.Check) bool {
		return c.Reason != "" && slices.Contains([]string{"p99 lag of sends", "CPU used"}, c.Name)
	})
}

// lastVerdicts are the outcomes of the newest run, by the texts of their objectives.
func lastVerdicts(t *testing.T, r ran) map[string]slo.Outcome {
	t.Helper()
	require.NotEmpty(t, r.runs, r.output)
	_, raw, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	var verdicts []slo.Verdict
	require.NoError(t, json.Unmarshal(raw, &verdicts))
	outcomes := map[string]slo.Outcome{}
	for _, v := range verdicts {
		outcomes[v.Text] = v.Outcome
	}
	return outcomes
}

// A stream is what a server sends of one answer, piece by piece.
type stream func(send func(event string))

// serving is a server that speaks as vLLM does and streams this answer to every
// request.
func serving(answer stream) func(t *testing.T) []string {
	return func(t *testing.T) []string {
		mux := http.NewServeMux()
		mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"object":"list","data":[{"id":"llama-3.1-8b","object":"model","max_model_len":4096}]}`)
		})
		mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			answer(func(event string) {
				fmt.Fprintf(w, "data: %s\n\n", event)
				w.(http.Flusher).Flush()
			})
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		return []string{"VLLM_URL=" + server.URL, "VLLMSPEC_DASHBOARD=off"}
	}
}

// piece is an event with a piece of text, and the last one says why the answer ended.
func piece(text, finish string) string {
	reason := "null"
	if finish != "" {
		reason = fmt.Sprintf("%q", finish)
	}
	return fmt.Sprintf(`{"id":"cmpl-1","object":"text_completion","model":"llama-3.1-8b","choices":[{"index":0,"text":%q,"finish_reason":%s}]}`, text, reason)
}

func usage(prompt, output int) string {
	return fmt.Sprintf(`{"id":"cmpl-1","object":"text_completion","model":"llama-3.1-8b","choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}`, prompt, output, prompt+output)
}

// asking is a scenario of a second, with these objectives.
func asking(rows string) string {
	return `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 4 tokens
    And requests arrive evenly at 30 per second
    When the load runs for 1 second
    Then these objectives are met:
` + rows
}

func streamVerdicts() []verdictCase {
	atOnce := func(send func(string)) {
		time.Sleep(20 * time.Millisecond) // a proxy waits for the end of the answer
		send(strings.Join([]string{piece("a", ""), piece("b", ""), piece("c", ""), piece("d", "length"), usage(64, 4), "[DONE]"}, "\n\ndata: "))
	}
	return []verdictCase{
		{"gaps", "a proxy that buffers whole answers", asking(`
      | p50 ITL    | at most 40 ms |
      | p50 TPOT   | at most 40 ms |
      | error rate | none          |
`), serving(atOnce), map[string]slo.Outcome{"p50 ITL at most 40 ms": slo.Unknown, "p50 TPOT at most 40 ms": slo.Unknown, "error rate none": slo.Met},
			[]string{"100 % of answers came all at once at their end", "proxy_buffering off"}},
	}
}

func reasonVerdicts() []verdictCase {
	short := strings.Replace(minute, "1 minute", "10 seconds", 1)
	return []verdictCase{
		{"reasons", "a run too short for a share near its end", strings.Replace(short, "    When", "    And a request is good when:\n      | TTFT | at most 500 ms |\n    When", 1) +
			"      | attainment | at least 99% |\n      | p99 TTFT | at most 500 ms |\n      | p99 TTFT | at most 1 ms |\n", nil,
			map[string]slo.Outcome{"attainment at least 99%": slo.Unknown, "p99 TTFT at most 500 ms": slo.Unknown, "p99 TTFT at most 1 ms": slo.Missed},
			[]string{"before the load: attainment at least 99%: this load can miss it, but brings too few requests to meet it (some 80, and it takes 368 at least); let it run for 46 seconds or more"}},
	}
}
