package suite_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// A misbehaviour is one thing that a server may do, by mistake or on purpose. What it does
// otherwise is what vLLM does.
type misbehaviour struct {
	does  string              // in words, for the table in docs/reliability.md
	at    string              // the path at which it does so; "" is where it answers the load
	as    http.HandlerFunc    // what it does there
	conn  func(conn net.Conn) // instead: what it does with every connection of the load
	over  string              // "tls": it speaks TLS
	ends  string              // words of the sentence with which the run ends, or a request fails; where that is chance, several with | between
	may   string              // the rows that may be met: l latencies, e error rate, t tokens, m metrics
	alone bool                // it is run beside no other, because it costs memory, or because they could make its answers late
	well  bool                // its rows are met
}

// name is what it does, and where.
func (m misbehaviour) name() string {
	if m.at == "" {
		return m.does
	}
	return "`" + m.at + "`: " + m.does
}

// misbehaving is a scenario of a second, with a row of each kind.
const misbehaving = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "prompts"
    And answers are at most 4 tokens long
    And requests arrive evenly at 20 per second
    And an answer may take at most 1 second
    And answers are awaited for at most 2 seconds after the load
    When the load runs for 500 milliseconds
    Then these objectives are met:
      | max TTFT              | at most 30 s                    |
      | max E2E latency       | at most 30 s                    |
      | error rate            | none                            |
      | output throughput     | at least 1 tokens per second    |
      | max TPOT              | at most 30 s                    |
      | max running requests  | at most 100,000                 |
`

// everyRow is that all rows may be met.
const everyRow = "lemt"

// rowKinds are the letters by which rows may be met.
var rowKinds = map[string]string{"max TTFT": "l", "max E2E latency": "l", "error rate": "e", "output throughput": "t", "max TPOT": "t", "max running requests": "m"}

// misbehaveAtOnce is how many of them are run against at a time: most of them keep a client waiting.
const misbehaveAtOnce = 4

// most is how much memory a run may take whatever the server does, in KiB.
const mostMemory = 300 << 10

// A target is a server that misbehaves, as the process is given it that runs against it.
type target struct {
	Name, URL string
	Alone     bool
}

// An ended is what became of a run.
type ended struct {
	Passed bool
	Wrong  string   // before anything ran
	Output string   // of the console
	Errors []string // of the requests, some of them
	IDs    []string // of their answers
	Met    string   // kinds of rows
	Took   time.Duration
	Peak   int // of the process's memory until then, in KiB
}

const misbehavingVariable = "VLLMSPEC_TEST_MISBEHAVING" // a file: in the child, the servers that it runs against

// TestMisbehaviour_endsNoRunBadly runs a scenario against each of the servers that misbehave,
// all in one child process, whose memory is measured: each run ends by itself, with a
// sentence, and no row is met by accident. go test ./internal/suite -run TestMisbehaviour -update
// writes what comes of it into docs/reliability.md.
func TestMisbehaviour_endsNoRunBadly(t *testing.T) {
	if plan := os.Getenv(misbehavingVariable); plan != "" {
		runAgainstAll(t, plan)
		return
	}
	all := misbehaviours()
	require.GreaterOrEqual(t, len(all), 100)
	results := inAChild(t, all)
	for _, m := range all {
		t.Run(m.name(), func(t *testing.T) {
			got, ok := results[m.name()]
			require.True(t, ok, "its run did not end")
			m.check(t, got)
		})
	}
	documented(t, misbehaviourTable(all))
}

// check holds what became of a run against what may.
func (m misbehaviour) check(t *testing.T, got ended) {
	for _, kind := range strings.Split(got.Met, "") {
		assert.Contains(t, m.may, kind, "rows of this kind were met\n%s", got.Output)
	}
	assert.Less(t, got.Peak, mostMemory, "KiB of memory")
	said := strings.Join(append(got.Errors, got.Wrong, got.Output), "\n")
	assert.NotContains(t, got.IDs, "forged", "the answer to a request that was not sent yet")
	ways := strings.Split(m.ends, "|")
	assert.True(t, slices.ContainsFunc(ways, func(words string) bool { return strings.Contains(said, words) }), "%q is not said after %v, but\n%s", ways, got.Took, tail(said))
	if m.may != everyRow {
		assert.False(t, got.Passed)
	}
	if m.well { // tokens per second are not known on a machine that is busy with something else
		assert.Subset(t, strings.Split(got.Met, ""), []string{"e", "l", "m"}, got.Output)
	}
}

// inAChild runs the scenario against all servers in a process of its own.
func inAChild(t *testing.T, all []misbehaviour) map[string]ended {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	dir := t.TempDir()
	plan, targets := filepath.Join(dir, "plan.json"), []target{}
	for _, m := range all {
		targets = append(targets, target{m.name(), m.serve(t, dir), m.alone})
	}
	raw, err := json.Marshal(targets)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(plan, raw, 0o600))
	binary, err := os.Executable()
	require.NoError(t, err)
	child := exec.CommandContext(ctx, binary, "-test.run=^TestMisbehaviour_endsNoRunBadly$", fmt.Sprint("-test.parallel=", misbehaveAtOnce))
	child.Env = append(os.Environ(), misbehavingVariable+"="+plan)
	output, err := child.CombinedOutput()
	require.NoError(t, err, "the child died of its servers:\n%s", tail(string(output)))
	raw, err = os.ReadFile(plan + ".ended")
	require.NoError(t, err, tail(string(output)))
	results := map[string]ended{}
	require.NoError(t, json.Unmarshal(raw, &results))
	return results
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// runAgainstAll is the child: it writes down what became of each run.
func runAgainstAll(t *testing.T, plan string) {
	raw, err := os.ReadFile(plan)
	require.NoError(t, err)
	var targets []target
	results, mu := map[string]ended{}, sync.Mutex{}
	require.NoError(t, json.Unmarshal(raw, &targets))
	t.Run("all", func(t *testing.T) {
		for _, to := range targets {
			t.Run(to.Name, func(t *testing.T) {
				if !to.Alone {
					t.Parallel()
				}
				got := runAgainst(t, to.URL, filepath.Dir(plan))
				mu.Lock()
				defer mu.Unlock()
				results[to.Name] = got
				if to.Alone {
					debug.FreeOSMemory()
				}
			})
		}
	})
	raw, err = json.Marshal(results)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(plan+".ended", raw, 0o600))
}

func runAgainst(t *testing.T, url, certificates string) (got ended) {
	began := time.Now()
	variables := []string{"VLLM_URL=" + url, "VLLMSPEC_DASHBOARD=off"}
	if strings.HasPrefix(url, "https") {
		variables = append(variables, "VLLM_CA_FILE="+filepath.Join(certificates, "ca.pem"))
	}
	r, err := try(t, misbehaving, variables...)
	if err != nil {
		got.Wrong = err.Error()
	}
	got.Passed, got.Output = r.passed, r.output
	if len(r.runs) > 0 {
		met := map[string]bool{}
		for text, outcome := range lastVerdicts(t, r) {
			for subject, kind := range rowKinds {
				if strings.HasPrefix(text, subject) && outcome == slo.Met {
					met[kind] = true
				}
			}
		}
		got.Met = strings.Join(slices.Sorted(maps.Keys(met)), "")
		got.Errors, got.IDs = errorsOf(t, r.runs[0])
	}
	got.Took, got.Peak = time.Since(began), peak(t)
	return got
}

// errorsOf are the errors of a run's requests, some of them, and the ids of their answers.
func errorsOf(t *testing.T, dir string) (errors, ids []string) {
	run, err := store.Open(dir)
	require.NoError(t, err)
	found := map[string]bool{}
	for r := range run.Run.Records {
		ids = append(ids, r.RequestID)
		assert.False(t, r.Headers != harness.NoTime && r.Headers < r.Sent, "an answer before its request")
		if r.Failure != "" && len(found) < 3 {
			found[fmt.Sprintf("%s: %s", r.Failure, r.Error)] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), ids
}

// peak is the most memory that the process has had so far, in KiB.
func peak(t *testing.T) (kib int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil { // no Linux: what Go has asked the system for
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.Sys >> 10)
	}
	_, line, found := strings.Cut(string(status), "VmHWM:")
	require.True(t, found)
	_, err = fmt.Sscan(line, &kib)
	require.NoError(t, err)
	return kib
}

// serve starts the server, in this process, and returns its address.
func (m misbehaviour) serve(t *testing.T, certificates string) string {
	mux := http.NewServeMux()
	for path, usual := range usually() {
		if path == m.at {
			usual = m.as
		}
		mux.HandleFunc(path, usual)
	}
	mux.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case m.at != "" || bytes.Contains(body, []byte(`"max_completion_tokens":1,`)): // what is asked beforehand
			answerWell(w)
		case m.conn != nil:
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				m.conn(conn)
			}
		default:
			m.as(w, r)
		}
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = nil
	server.Config.WriteTimeout = 30 * time.Second
	if m.over == "tls" {
		server.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
		server.StartTLS()
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		require.NoError(t, os.WriteFile(filepath.Join(certificates, "ca.pem"), certificate, 0o600))
	} else {
		server.Start()
	}
	t.Cleanup(func() { server.CloseClientConnections(); server.Config.Close() })
	return server.URL
}

const (
	wellListed = `{"object":"list","data":[{"id":"llama-3.1-8b","object":"model","max_model_len":4096}]}`
	wellTold   = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{engine=\"0\",model_name=\"llama-3.1-8b\"} 1.0\n"
)

// usually is what each path beside the load gives.
func usually() map[string]http.HandlerFunc {
	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			io.WriteString(w, body)
		}
	}
	return map[string]http.HandlerFunc{
		"/v1/models":   text("application/json", wellListed),
		"/version":     text("application/json", `{"version":"0.26.0"}`),
		"/metrics":     text("text/plain; version=0.0.4", wellTold),
		"/server_info": http.NotFound,
	}
}

// wellAnswered is an answer of four tokens.
func wellAnswered() string {
	var all strings.Builder
	for _, event := range []string{piece("a", ""), piece("b", ""), piece("c", ""), piece("d", "length"), usage(16, 4), "[DONE]"} {
		all.WriteString("data: " + event + "\n\n")
	}
	return all.String()
}

func answerWell(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for event := range strings.SplitAfterSeq(wellAnswered(), "\n\n") {
		io.WriteString(w, event)
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond)
	}
}

// misbehaviourTable is what docs/reliability.md says of them.
func misbehaviourTable(all []misbehaviour) string {
	var table strings.Builder
	fmt.Fprintf(&table, "%d servers, four of them at a time: every run ended by itself, the process that ran them all stayed under 300 MiB, and no row was met that may not be.\n\n", len(all))
	table.WriteString("| a server | what is said | rows that may be met |\n|---|---|---|\n")
	rows := map[string]string{"l": "latencies", "e": "error rate", "t": "tokens", "m": "metrics"}
	for _, m := range all {
		var may []string
		for _, kind := range strings.Split(m.may, "") {
			if kind != "" {
				may = append(may, rows[kind])
			}
		}
		said, allowed := cmp.Or(strings.ReplaceAll(m.ends, "|", ", or: "), "–"), cmp.Or(strings.Join(may, ", "), "none")
		if m.may == everyRow {
			allowed = "all"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.name(), said, allowed)
	}
	return table.String()
}
