package suite_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// watchedFor is a load of two seconds whose server is judged. Of so long a latency the
// client may be late by seconds, as on a busy machine it is.
func watchedFor(rows string) string {
	return `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 20 per second
    When the load runs for 3 seconds
    Then these objectives are met:
      | p50 TTFT | at most 30 s |
` + rows
}

// A rewriting makes another page of metrics of the mock's; it gets how often the page was
// asked for before.
type rewriting func(page string, scrape int) string

// metricsOf is a handler that gives the page of a server, rewritten.
func metricsOf(to *url.URL, rewrite rewriting) http.HandlerFunc {
	var scrapes atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		response, err := http.Get(to.String() + "/metrics")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer response.Body.Close()
		page, _ := io.ReadAll(response.Body)
		text := rewrite(string(page), int(scrapes.Add(1))-1)
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		if strings.HasSuffix(text, "# EOF\n") {
			w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0")
		}
		io.WriteString(w, text)
	}
}

// telling is a mock whose metrics are rewritten.
func telling(rewrite rewriting) func(t *testing.T) []string {
	return func(t *testing.T) []string {
		to := mocked(t)
		mux := http.NewServeMux()
		mux.Handle("/", onward(to))
		mux.Handle("/metrics", metricsOf(to, rewrite))
		return []string{"VLLM_URL=" + listening(t, mux), "VLLMSPEC_DASHBOARD=off"}
	}
}

func listening(t *testing.T, handler http.Handler) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// elsewhere is a mock, and a page of metrics on another port; at names what else is set,
// with PAGE for the address of that page.
func elsewhere(page http.HandlerFunc, at ...string) func(t *testing.T) []string {
	return func(t *testing.T) []string {
		variables := []string{"VLLM_URL=" + mocked(t).String(), "VLLMSPEC_DASHBOARD=off"}
		where := listening(t, page)
		for _, variable := range at {
			variables = append(variables, strings.ReplaceAll(variable, "PAGE", where))
		}
		return variables
	}
}

var (
	counterLine = regexp.MustCompile(`(?m)^(vllm:\w+_(?:total|count|sum|bucket)(?:\{[^}]*\})?) (\S+)$`)
	sampleLine  = regexp.MustCompile(`(?m)^([^#\s].*)$`)
	modelLabel  = regexp.MustCompile(`model_name="[^"]*"`)
)

// counters changes the value of every counter on a page.
func counters(page string, change func(series string, v float64) float64) string {
	return counterLine.ReplaceAllStringFunc(page, func(line string) string {
		parts := counterLine.FindStringSubmatch(line)
		v, _ := strconv.ParseFloat(parts[2], 64)
		return fmt.Sprintf("%s %g", parts[1], change(parts[1], v))
	})
}

// answeredInTurns is the page of another replica at every second scrape, that has answered
// many requests before, and began at another time.
func answeredInTurns(page string, scrape int) string {
	began := "$1 1.7e9"
	if scrape%2 == 1 {
		began = "$1 1.7001e9"
		page = counters(page, func(_ string, v float64) float64 { return v + 90000 })
	}
	return regexp.MustCompile(`(?m)^(process_start_time_seconds) \S+$`).ReplaceAllString(page, began)
}

// anew is the page of a server that was started again after two readings.
func anew() rewriting {
	last := map[string]float64{}
	return func(page string, scrape int) string {
		return counters(page, func(series string, v float64) float64 {
			if scrape < 2 {
				last[series] = v
				return v + 1000
			}
			return v - last[series]
		})
	}
}

// dialects is the page in OpenMetrics with times and with families of all types.
func dialects(page string, _ int) string {
	page = sampleLine.ReplaceAllString(page, "$1 1795932609.746")
	return page + "# TYPE vllm:build info\nvllm:build_info{version=\"1\"} 1\n# TYPE vllm:mode stateset\nvllm:mode{mode=\"awake\"} 1\n# TYPE vllm:odd unknown\nvllm:odd 1 1795932609.5\n# EOF\n"
}

// gateway adds another team's model, whose KV cache is full.
func gateway(page string, _ int) string {
	theirs := modelLabel.ReplaceAllString(page, `model_name="theirs"`)
	theirs = counters(theirs, func(_ string, v float64) float64 { return 7*v + 3000 })
	return page + regexp.MustCompile(`(?m)^(vllm:kv_cache_usage_perc\{[^}]*\}) \S+$`).ReplaceAllString(theirs, "$1 1")
}

func adding(lines string) rewriting {
	return func(page string, _ int) string { return page + lines }
}

// exporting is an exporter of GPUs.
func exporting(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) }
}

func answering(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// guarded is a page that wants a token.
func guarded(token string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "vllm:num_requests_running{engine=\"0\"} 1\n")
	}
}

// nothingThere names a page at a port that nothing listens on.
func nothingThere(t *testing.T) []string {
	return []string{"VLLM_URL=" + mocked(t).String(), "VLLM_METRICS_URL=http://" + freeAddress(t) + "/metrics", "VLLMSPEC_DASHBOARD=off"}
}

const (
	splitGPU = `DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="Test GPU",GPU_I_ID="7",Hostname="n1"} 300
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="Test GPU",GPU_I_ID="8",Hostname="n1"} 300
DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="Test GPU",GPU_I_ID="9",Hostname="n1"} 300
`
	podsGPUs = `DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-a",modelName="Test GPU",Hostname="n1",namespace="ml",pod="ours"} 300
DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-b",modelName="Test GPU",Hostname="n1",namespace="ml",pod="theirs"} 300
`
)

func serverVerdicts() []verdictCase {
	const running, noErrors = "      | mean running requests | at most 64 |\n", "      | error rate | none |\n"
	const throughput = "      | mean server output throughput | at least 20 tokens per second |\n"
	stands := func(text string) map[string]slo.Outcome { return map[string]slo.Outcome{text: slo.Met} }
	unknown := func(text string) map[string]slo.Outcome {
		return map[string]slo.Outcome{text: slo.Unknown, "error rate none": slo.Met}
	}
	const isRunning, isThroughput = "mean running requests at most 64", "mean server output throughput at least 20 tokens per second"
	return []verdictCase{
		{"whose", "a balancer before the metrics of two replicas", watchedFor(throughput + noErrors), telling(answeredInTurns), unknown(isThroughput),
			[]string{"the readings of the server's metrics come from several servers behind one address: list the replicas in VLLM_URL (or their pages in VLLM_METRICS_URL)"}},
		{"whose", "a server that is started again", watchedFor(throughput + noErrors), telling(anew()), stands(isThroughput), nil},
		{"whose", "the metrics of one replica of two", watchedFor(running + noErrors), func(t *testing.T) []string {
			one, two := mocked(t).String(), mocked(t).String()
			return []string{"VLLM_URL=" + one + "," + two, "VLLM_METRICS_URL=" + one + "/metrics", "VLLMSPEC_DASHBOARD=off"}
		}, unknown(isRunning), []string{"the client had 60 answers, and the server's metrics count 30: 30 requests were answered that the server does not count", "list the replicas in VLLM_URL, or their pages in VLLM_METRICS_URL"}},
		{"whose", "the metrics of both replicas, elsewhere", watchedFor(running + noErrors), func(t *testing.T) []string {
			one, two := mocked(t).String(), mocked(t).String()
			return []string{"VLLM_URL=" + one + "," + two, "VLLM_METRICS_URL=" + one + "/metrics, " + two + "/metrics", "VLLMSPEC_DASHBOARD=off"}
		}, stands(isRunning), nil},
		{"whose", "another team's model on the page", watchedFor("      | max KV cache usage | at most 90% |\n" + throughput), telling(gateway),
			map[string]slo.Outcome{"max KV cache usage at most 90%": slo.Met, isThroughput: slo.Met}, nil},
		{"whose", "a GPU that is split into instances", watchedFor("      | mean GPU power | at most 400 W |\n"), elsewhere(exporting(splitGPU), "DCGM_METRICS_URL=PAGE/metrics"),
			stands("mean GPU power at most 400 W"), nil},
		{"whose", "GPUs of several pods", watchedFor("      | mean GPU power | at most 400 W |\n"), elsewhere(exporting(podsGPUs), "DCGM_METRICS_URL=PAGE/metrics"),
			nil, []string{"the GPUs belong to 2 pods (ml/ours, ml/theirs), and this is of all of them"}},
		{"whole", "NaN in a series that no row asks for", watchedFor(running), telling(adding("vllm:draft_rate{engine=\"0\"} NaN\n")), stands(isRunning), nil},
		{"whole", "NaN in a series that a row asks for", watchedFor("      | max \"vllm:draft_rate\" | at most 1 |\n" + noErrors), telling(adding("vllm:draft_rate{engine=\"0\"} NaN\n")),
			unknown(`max "vllm:draft_rate" at most 1`), []string{"the server's metrics give NaN for vllm:draft_rate, which is no value"}},
		{"whole", "a count below zero", watchedFor(running + noErrors), telling(adding("vllm:num_requests_running{server=\"b\"} -1\n")),
			unknown(isRunning), []string{"the server's metrics give −1 for vllm:num_requests_running, which is no value"}},
		{"whole", "OpenMetrics with times and all types", watchedFor(running + throughput), telling(dialects), map[string]slo.Outcome{isRunning: slo.Met, isThroughput: slo.Met}, nil},
		{"whole", "a series of another name", watchedFor("      | max \"process_resident_memory_bytes\" | at least 1 |\n"), telling(adding("process_resident_memory_bytes 1e9\n")),
			stands(`max "process_resident_memory_bytes" at least 1`), nil},
		{"reasons", "metrics that want a key of their own", watchedFor(running + noErrors), elsewhere(guarded("m"), "VLLM_METRICS_URL=PAGE/metrics", "VLLM_API_KEY=k"),
			unknown(isRunning), []string{"/metrics: 401: access is refused; VLLM_API_KEY is sent to the host of VLLM_URL only; set VLLM_METRICS_API_KEY for this one"}},
		{"reasons", "another key than theirs", watchedFor(running + noErrors), elsewhere(guarded("m"), "VLLM_METRICS_URL=PAGE/metrics", "VLLM_METRICS_API_KEY=another"),
			unknown(isRunning), []string{"401: access is refused; it does not accept VLLM_METRICS_API_KEY"}},
		{"reasons", "their own key", watchedFor(running), elsewhere(guarded("m"), "VLLM_METRICS_URL=PAGE/metrics", "VLLM_METRICS_API_KEY=m", "VLLM_API_KEY=k"), stands(isRunning), nil},
		{"reasons", "no page of metrics", watchedFor(running + noErrors), elsewhere(answering(404), "VLLM_METRICS_URL=PAGE/metrics"),
			unknown(isRunning), []string{"the server's metrics could not be read: http://", "404: there is no such page; set VLLM_METRICS_URL if they are elsewhere"}},
		{"reasons", "a page that breaks", watchedFor(running + noErrors), elsewhere(answering(502), "VLLM_METRICS_URL=PAGE/metrics"), unknown(isRunning), []string{"/metrics: status 502"}},
		{"reasons", "a port that nothing listens on", watchedFor(running + noErrors), nothingThere, unknown(isRunning), []string{"connection refused"}},
		{"reasons", "a page that is no metrics", watchedFor(running + noErrors), elsewhere(exporting("vllm:x{ 1\n"), "VLLM_METRICS_URL=PAGE/metrics"), unknown(isRunning), []string{"the page is malformed: line 1"}},
	}
}

// TestRestart_hasOneFigureEverywhere holds verdict, chart and both queries of a counter
// that began again in mid-run against each other.
func TestRestart_hasOneFigureEverywhere(t *testing.T) {
	needsDuckDB(t)
	const rows = `      | total "vllm:generation_tokens_total" | at least 1 |
      | mean server output throughput | at least 1 tokens per second |
      | mean server TTFT | at most 1 s |
`
	r := feature(t, watchedFor(rows), telling(anew())(t)...)
	require.True(t, r.passed, r.output)
	stored, err := store.Open(r.runs[0])
	require.NoError(t, err)
	p := paper{sheet: readSheet(t, filepath.Join(r.runs[0], "report.html")), duck: &duck{t: t}, of: stored, measured: measure.Of(stored.Run)}
	p.readData()
	var rose float64
	for _, o := range stored.Run.Scenario.Objectives {
		v := slo.Judge(p.measured, []harness.Objective{o})[0]
		assert.Equal(t, slo.Met, v.Outcome)
		if o.Statistic == "total" {
			rose = v.Value
		}
		p.duck.ask(sql.Objective(o, stored.Run.From, stored.Run.To), func(rows [][]string) { near(t, v.Value, number(rows[0][0]), o.Text) })
	}
	assert.Positive(t, rose)
	assert.Less(t, rose, 8*80.0, "what it counted before the run is not counted again")
	for _, chart := range p.all(".chart") {
		i, err := strconv.Atoi(attribute(chart, "data-index"))
		if attribute(chart, "data-chart") != "panel" || err != nil || p.data.Panels[i].Name != "Tokens by its own count" {
			continue
		}
		p.overTime(p.data.Panels[i].Name, content(p.first("pre", chart.Parent)), p.data.Panels[i].Series)
		for _, line := range p.data.Panels[i].Series {
			if line.Name != "generated" {
				continue
			}
			drawn, before := 0.0, 0.0
			for k, at := range line.At {
				drawn, before = drawn+line.V[k]*(at-before), at
			}
			assert.InDelta(t, rose, drawn, 0.02*rose+1, "the chart shows as many tokens as the figure")
		}
	}
	require.NotEmpty(t, p.duck.queries)
	p.duck.run(r.runs[0])
}

func TestSecrets_keyToTheMetricsAppearsNowhere(t *testing.T) {
	t.Parallel()
	const secret = "planted-m3trics"
	r := feature(t, watchedFor("      | mean running requests | at most 64 |\n"), elsewhere(guarded("another"), "VLLM_METRICS_URL=PAGE/metrics", "VLLM_METRICS_API_KEY="+secret)(t)...)
	assert.False(t, r.passed)
	assert.NotContains(t, r.output, secret)
	for _, path := range globbed(t, r.runs[0]) {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), secret, path)
	}
	_, err := try(t, seconds, "VLLM_URL="+mocked(t).String(), "VLLM_METRICS_API_KEY="+secret)
	assert.ErrorContains(t, err, "VLLM_METRICS_API_KEY is sent to the hosts of VLLM_METRICS_URL only; set that too")
	_, err = try(t, seconds, "VLLM_METRICS_URL=http://a/metrics,b/metrics")
	assert.ErrorContains(t, err, `VLLM_METRICS_URL: "b/metrics" must begin with http://`)
	_, err = try(t, seconds, "DCGM_METRICS_URL=http://a/metrics,http://a/metrics")
	assert.ErrorContains(t, err, "DCGM_METRICS_URL: a page is named twice")
}

func globbed(t *testing.T, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	return paths
}

// TestRow_saysThatThePageCameTooLate has a page that takes longer than a reading may.
func TestRow_saysThatThePageCameTooLate(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	slow := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
	}
	variables := elsewhere(slow, "VLLM_METRICS_URL=PAGE/metrics")(t)
	r := feature(t, watchedFor("      | mean running requests | at most 64 |\n"), variables...)
	close(over)
	assert.Contains(t, r.output, "the server's metrics could not be read: no answer came within 1 s")
}
