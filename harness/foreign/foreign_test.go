package foreign_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/foreign"
)

// fixture is a file that a tool wrote.
func fixture(names ...string) (paths []string) {
	for _, name := range names {
		paths = append(paths, filepath.Join("testdata", name))
	}
	return paths
}

// made are the fixtures of each tool.
func made() map[foreign.Tool][]string {
	return map[foreign.Tool][]string{
		foreign.VLLMBench: fixture("vllm-bench.json"),
		foreign.GuideLLM:  fixture("guidellm.json.gz"),
		foreign.AIPerf:    fixture("profile_export.jsonl.gz", "profile_export_aiperf.json"),
		foreign.K6:        fixture("k6.json.gz", "k6-summary.json"),
	}
}

// one is the only result in files.
func one(t testing.TB, paths ...string) *foreign.Result {
	t.Helper()
	all, err := foreign.Read(paths, "")
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func records(t testing.TB, r *foreign.Result) (all []harness.Record) {
	t.Helper()
	for record, err := range r.Records() {
		require.NoError(t, err)
		all = append(all, record)
	}
	return all
}

func figures(r *foreign.Result) map[string]foreign.Figure {
	all := map[string]foreign.Figure{}
	for _, f := range r.Figures {
		all[f.Name] = f
	}
	return all
}

// printed is what a tool printed when it wrote the fixture.
func printed(t *testing.T, tool foreign.Tool) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", string(tool)+".txt"))
	require.NoError(t, err)
	return string(raw)
}

// alike holds a figure against a number that was printed, to its digits.
func alike(t *testing.T, r *foreign.Result, name, number string, scale float64) {
	t.Helper()
	number = strings.ReplaceAll(number, ",", "")
	_, decimals, _ := strings.Cut(number, ".")
	f, is := figures(r)[name]
	require.True(t, is, "%s has no figure %s", r.Tool, name)
	assert.Equal(t, number, fmt.Sprintf("%.*f", len(decimals), f.Read*scale), "%s: %s", r.Tool, name)
}

func TestRead_givesTheFiguresThatToolsState(t *testing.T) {
	for tool, paths := range made() {
		r := one(t, paths...)
		assert.Equal(t, tool, r.Tool)
		assert.Greater(t, len(r.Figures), 5, tool)
		assert.Empty(t, r.Doubts(), tool)
		for _, f := range r.Figures {
			assert.InEpsilon(t, f.Stated+1, f.Read+1, 2e-6, "%s: %s is %v, and %v as it was read", tool, f.Name, f.Stated, f.Read)
		}
		all := records(t, r)
		assert.Len(t, all, r.Requests, tool)
		seen := map[int]bool{}
		for _, one := range all {
			seen[one.Seq] = true
			assert.GreaterOrEqual(t, one.Due, time.Duration(0))
			assert.LessOrEqual(t, one.Done, r.Length)
		}
		assert.Len(t, seen, r.Requests, "%s: each has a number of its own", tool)
	}
}

func TestRead_givesTheFiguresThatVLLMBenchPrinted(t *testing.T) {
	r := one(t, made()[foreign.VLLMBench]...)
	names := map[string]string{"Successful requests:": "completed", "Total input tokens:": "total_input_tokens", "Total generated tokens:": "total_output_tokens", "Request throughput (req/s):": "request_throughput",
		"Output token throughput (tok/s):": "output_throughput", "Total token throughput (tok/s):": "total_token_throughput"}
	for _, metric := range []string{"TTFT", "TPOT", "ITL", "E2EL"} {
		for _, statistic := range []string{"Mean", "Median", "P90", "P95", "P99"} {
			names[statistic+" "+metric+" (ms):"] = strings.ToLower(statistic + "_" + metric + "_ms")
		}
	}
	found := 0
	for _, line := range strings.Split(printed(t, foreign.VLLMBench), "\n") {
		for says, name := range names {
			if number, is := strings.CutPrefix(line, says); is {
				alike(t, r, name, strings.TrimSpace(number), 1)
				found++
			}
		}
	}
	assert.Equal(t, len(names), found)
}

func TestRead_givesTheFiguresThatGuideLLMPrinted(t *testing.T) {
	r := one(t, made()[foreign.GuideLLM]...)
	_, table, found := strings.Cut(printed(t, foreign.GuideLLM), "Request Latency Statistics")
	require.True(t, found)
	row := regexp.MustCompile(`(?m)^\| constant@.*$`).FindString(table)
	var cells []string
	for _, cell := range strings.Split(strings.Trim(row, "|"), "|")[1:] {
		number, _, _ := strings.Cut(strings.TrimSpace(cell), " ")
		cells = append(cells, strings.TrimSuffix(number, "*"))
	}
	require.Len(t, cells, 15, row)
	for i, name := range []string{"request_latency", "time_to_first_token_ms", "", "inter_token_latency_ms", "time_per_output_token_ms"} {
		for j, statistic := range []string{"mean", "median", "p95"} {
			if name != "" { // without reasoning, TTFOT is TTFT
				alike(t, r, name+" "+statistic, cells[3*i+j], 1)
			}
		}
	}
}

func TestRead_givesTheFiguresThatAIPerfPrinted(t *testing.T) {
	r := one(t, made()[foreign.AIPerf]...)
	found := 0
	for _, line := range strings.Split(printed(t, foreign.AIPerf), "\n") {
		cells := strings.Split(strings.Trim(line, "│ "), "│")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		for says, name := range map[string]string{"Time to First Token (ms)": "time_to_first_token", "Request Latency (ms)": "request_latency", "Inter Token Latency (ms)": "inter_token_latency"} {
			if cells[0] == says {
				for column, statistic := range map[int]string{1: "avg", 4: "p99", 5: "p90", 6: "p50"} {
					alike(t, r, name+" "+statistic, cells[column], 1)
				}
				found++
			}
		}
		for says, name := range map[string]string{"Output Token Throughput (tokens/sec)": "output_token_throughput", "Request Throughput (requests/sec)": "request_throughput", "Request Count (requests)": "request_count"} {
			if cells[0] == says {
				alike(t, r, name+" avg", cells[1], 1)
				found++
			}
		}
	}
	assert.Equal(t, 6, found)
}

func TestRead_givesTheFiguresThatK6Printed(t *testing.T) {
	r := one(t, made()[foreign.K6]...)
	text := printed(t, foreign.K6)
	durations := regexp.MustCompile(`(?m)^ *http_req_duration\.*: (.*)$`).FindStringSubmatch(text)
	require.NotEmpty(t, durations)
	pairs := regexp.MustCompile(`(\S+)=([\d.]+)(ms|µs)`).FindAllStringSubmatch(durations[1], -1)
	require.Len(t, pairs, 6)
	for _, pair := range pairs {
		f := figures(r)["http_req_duration "+pair[1]]
		scale := map[string]float64{"ms": 1, "µs": 1000}[pair[3]]
		assert.Equal(t, pair[2], strconv.FormatFloat(math.Floor(f.Read*scale*100)/100, 'f', -1, 64), "k6 cuts off digits: %s", pair[1])
	}
	failed := regexp.MustCompile(`(?m)^ *http_req_failed\.*: ([\d.]+)%`).FindStringSubmatch(text)
	require.NotEmpty(t, failed)
	alike(t, r, "http_req_failed value", failed[1], 100)
	requests := regexp.MustCompile(`(?m)^ *http_reqs\.*: (\d+)`).FindStringSubmatch(text)
	require.NotEmpty(t, requests)
	alike(t, r, "http_reqs count", requests[1], 1)
}

func TestRead_leavesUnknownWhatAFileDoesNotTell(t *testing.T) {
	for tool, knows := range map[foreign.Tool]struct {
		seen       harness.Seen
		dueUnknown bool
		tokens     bool
	}{
		foreign.VLLMBench: {harness.SeenEach, true, true},
		foreign.GuideLLM:  {harness.SeenEnds, false, true},
		foreign.AIPerf:    {harness.SeenEach, true, true},
		foreign.K6:        {harness.SeenNone, true, false},
	} {
		r := one(t, made()[tool]...)
		failed := 0
		for _, one := range records(t, r) {
			assert.Equal(t, knows.dueUnknown, one.DueUnknown, tool)
			assert.Equal(t, knows.dueUnknown, one.Lag() == harness.NoTime, "%s: there is a lag only where a file says when a request was due", tool)
			if !one.OK() {
				failed++
				assert.Equal(t, harness.HTTPFailure(500), one.Failure, "%s: %s", tool, one.Error)
				continue
			}
			assert.Equal(t, knows.seen, one.Seen, tool)
			assert.Equal(t, knows.tokens, one.OutputTokens == 24, tool)
			assert.Equal(t, knows.seen == harness.SeenEach, one.ITLs() != nil, tool)
			assert.Equal(t, knows.seen != harness.SeenNone, one.TTFT() != harness.NoTime, tool)
			assert.Equal(t, harness.NoTime, one.ReadDelay)
		}
		assert.Equal(t, 4, failed, tool)
		assert.NotEmpty(t, r.Unknown, tool)
	}
}

// unpacked is the text of a fixture.
func unpacked(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	if !strings.HasSuffix(path, ".gz") {
		return raw
	}
	packed, err := gzip.NewReader(bytes.NewReader(raw))
	require.NoError(t, err)
	raw, err = io.ReadAll(packed)
	require.NoError(t, err)
	return raw
}

// written is a file of this text.
func written(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestRead_saysOfAFileThatWasCutOffWhere(t *testing.T) {
	for tool, paths := range made() {
		whole := unpacked(t, paths[0])
		path := written(t, "cut.json", string(whole[:len(whole)*2/3]))
		all, err := foreign.Read([]string{path}, tool)
		if err == nil {
			for _, r := range all {
				for _, wrong := range r.Records() {
					err = wrong
				}
			}
		}
		require.Error(t, err, tool)
		assert.Contains(t, err.Error(), "cut.json", tool)
		assert.Regexp(t, `was cut off|belongs to no request`, err.Error(), tool)
	}
}

func TestRead_refusesWhatIsNoResult(t *testing.T) {
	for text, says := range map[string]string{
		"":         "is empty",
		"[1, 2]":   "it does not begin with an object of JSON",
		"hello":    "it is no JSON",
		`{"a": 1}`: "it is none of these: vllm bench serve (a JSON object with endpoint_type",
		`{"metrics": {"http_reqs": {"count": 1}}, "root_group": {}}`:                    "it holds figures of k6 and no requests, from which no interval follows; run k6 with --out json=FILE",
		`{"backend": "openai", "duration": 1, "completed": 0, "request_throughput": 2}`: "run vllm bench serve with --save-result --save-detailed",
	} {
		_, err := foreign.Read([]string{written(t, "a.json", text)}, "")
		require.ErrorContains(t, err, says, text)
		assert.Contains(t, err.Error(), "a.json")
	}
	_, err := foreign.Read([]string{t.TempDir()}, "")
	assert.ErrorContains(t, err, "is a folder; name the files in it that hold results")
	_, err = foreign.Read(made()[foreign.K6][:1], foreign.GuideLLM)
	assert.ErrorContains(t, err, "it is no result of GuideLLM (a JSON report with benchmarks)")
	_, err = foreign.Read(append(fixture("k6.json.gz"), fixture("k6.json.gz", "k6-summary.json")...), "")
	assert.ErrorContains(t, err, "it can belong to")
	_, err = foreign.ToolOf("guidelm")
	assert.ErrorContains(t, err, `did you mean "guidellm"?`)
	tool, err := foreign.ToolOf("auto")
	require.NoError(t, err)
	assert.Empty(t, tool)
}

// bench is a result of vllm bench with these fields in place of its own.
func bench(fields string) string {
	text := `{"endpoint_type": "openai", "request_throughput": 2, "completed": 2, "duration": 1.5, "request_rate": "inf", "input_lens": [7, 8], "output_lens": [2, 2], "ttfts": [0.1, 0.2], "itls": [[0.01], [0.02]], "start_times": [100.5, 100.6], "errors": ["", ""]`
	if fields != "" {
		text += ", " + fields
	}
	return text + "}"
}

func TestVLLMBench_asOtherVersionsAndOtherRunsWriteIt(t *testing.T) {
	r := one(t, written(t, "a.json", bench("")))
	all := records(t, r)
	assert.Equal(t, []time.Duration{100 * time.Millisecond, 110 * time.Millisecond}, all[0].Chunks)
	assert.Equal(t, 100*time.Millisecond, all[1].Sent)
	assert.Equal(t, 1500*time.Millisecond, r.To)
	assert.Equal(t, "all requests at once", r.Load)

	r = one(t, written(t, "a.json", bench(`"ttfts": [NaN, 0.2], "errors": ["Traceback\n  File x\naiohttp.ClientConnectorError: Cannot connect to host a:1", ""]`)))
	all = records(t, r)
	assert.Equal(t, harness.Refused, all[0].Failure, "NaN stands for no time")
	assert.Equal(t, "aiohttp.ClientConnectorError: Cannot connect to host a:1", all[0].Error)
	assert.Equal(t, harness.Unreported, all[0].OutputTokens)

	r = one(t, written(t, "a.json", bench(`"ttfts": [0, 0.2], "completed": 1, "failed": 1`)))
	all = records(t, r)
	assert.Equal(t, harness.Unnamed, all[0].Failure, "a response without a reason leaves no error, and no time either")
	assert.False(t, all[0].Good)
	assert.Contains(t, figures(r), "failed")
	assert.NotContains(t, figures(r), "output_throughput", "it is not stated")
	assert.Equal(t, []string{"request_throughput is 2 by the file, and 0.666667 by the requests in it"}, r.Doubts())
	assert.Empty(t, one(t, written(t, "a.json", bench(`"request_rate": null`))).Load, "it is not known")
	assert.Equal(t, "3 requests per second", one(t, written(t, "a.json", bench(`"request_rate": 3, "burstiness": null`))).Load)
	assert.Equal(t, "3 requests per second, burstiness 2", one(t, written(t, "a.json", bench(`"request_rate": 3, "burstiness": 2`))).Load)

	for said, is := range map[string]harness.Failure{"Gateway Timeout": "http 504", "HTTP error: status 503, connection refused": "http 503", "request timeout": harness.Timeout, "Service Unavailable": "http 503"} {
		all := records(t, one(t, written(t, "a.json", bench(`"errors": [`+strconv.Quote(said)+`, ""]`))))
		assert.Equal(t, is, all[0].Failure, said)
		status, _ := is.HTTPStatus()
		assert.Equal(t, status, max(0, all[0].HTTPStatus), said)
	}
	_, err := foreign.Read([]string{written(t, "a.json", bench("")), written(t, "b.json", `{"backend": "openai", "duration": 1, "completed": 0, "request_throughput": 2}`)}, "")
	assert.ErrorContains(t, err, "b.json: it holds figures of vllm bench serve and no requests")

	several, err := foreign.Read([]string{written(t, "a.json", bench("")+"\n"+bench(`"request_rate": 3.5, "max_concurrency": 4`))}, "")
	require.NoError(t, err)
	require.Len(t, several, 2, "as --append-result writes them")
	assert.Equal(t, "3.5 requests per second, Poisson process, at most 4 at once", several[1].Load)

	empty := one(t, written(t, "a.json", bench(`"input_lens": [], "output_lens": [], "ttfts": [], "itls": [], "start_times": [], "errors": []`)))
	assert.Zero(t, empty.Requests)

	for fields, says := range map[string]string{
		`"start_times": null`:          "result 1: it has no start_times: an older vllm bench wrote none",
		`"ttfts": null`:                "it has no ttfts: it asked for no text",
		`"itls": [[0.01]]`:             "itls has 1 elements, and input_lens 2",
		`"itls": [[0.01], [-1]]`:       "itls.1: a gap is -1 s",
		`"itls": [[null], [1]]`:        "itls.0: a gap is no number",
		`"ttfts": [0.1, "x"]`:          "ttfts: there is a JSON string where a number is wanted",
		`"ttfts": [0.1, 1e300]`:        "ttfts.1 is 1e+300 s; it must be a time between 0 and",
		`"duration": 0`:                "duration is 0 s; it must be above 0",
		`"start_times": [100.5, null]`: "start_times.1 is no time",
	} {
		_, err := foreign.Read([]string{written(t, "a.json", bench(fields))}, "")
		assert.ErrorContains(t, err, says, fields)
	}
}

func TestGuideLLM_asOlderVersionsWriteIt(t *testing.T) {
	r := one(t, written(t, "old.json", `{"benchmarks": [{"type_": "generative_benchmark", "args": {"strategy": {"type_": "concurrent", "streams": 2}}, "start_time": 1700000000.5, "duration": 2,
		"requests": {"successful": [{"request_id": "a", "prompt_tokens": 10, "output_tokens": 5, "start_time": 1700000000.5, "end_time": 1700000001.5, "first_token_time": 1700000000.75, "last_token_time": 1700000001.25, "error": null}],
		"errored": [{"request_id": "b", "start_time": 1700000000.75, "end_time": 1700000001, "error": "httpx.ReadTimeout: timed out"}], "incomplete": [{"request_id": "c", "start_time": 1700000001, "end_time": 1700000002}]}}]}`))
	all := records(t, r)
	require.Len(t, all, 3)
	assert.Equal(t, "2 at once", r.Load)
	assert.Equal(t, 250*time.Millisecond, all[0].TTFT())
	assert.Equal(t, 125*time.Millisecond, all[0].TPOT())
	assert.True(t, all[0].DueUnknown, "nothing is due before it is sent in a closed loop")
	assert.Equal(t, harness.Timeout, all[1].Failure)
	assert.Equal(t, harness.Interrupted, all[2].Failure)
	assert.Equal(t, 2*time.Second+1, r.To)
}

// guide is a report with one request, whose timings are these.
func guide(strategy, timings string) string {
	return `{"metadata": {"guidellm_version": "0.8.1"}, "benchmarks": [{"config": {"strategy": {"type_": "` + strategy + `", "rate": 2}}, "start_time": 100, "duration": 1.5,
		"requests": {"successful": [{"request_id": "a", "output_tokens": 3, "info": {"timings": {` + timings + `}}}], "errored": [], "incomplete": []}}]}`
}

func TestGuideLLM_takesTheTimesThatRequestsWereTargetedAt(t *testing.T) {
	const rest = `"request_start": 100.25, "first_token_iteration": 100.5, "last_token_iteration": 101, "token_iterations": 3, "request_end": 101.25`
	r := one(t, written(t, "a.json", guide("constant", `"targeted_start": 100, `+rest)))
	assert.Equal(t, "GuideLLM 0.8.1", r.By())
	all := records(t, r)
	assert.Equal(t, 250*time.Millisecond, all[0].Lag())
	assert.Equal(t, 500*time.Millisecond, all[0].TTFT())
	for strategy, timings := range map[string]string{"concurrent": `"targeted_start": 100, `, "constant": `"targeted_start": 0.4, `, "poisson": ""} {
		r := one(t, written(t, "a.json", guide(strategy, timings+rest)))
		all := records(t, r)
		assert.True(t, all[0].DueUnknown, strategy)
		assert.Equal(t, 250*time.Millisecond, all[0].TTFT(), "%s: from when it was sent", strategy)
		assert.Contains(t, strings.Join(r.Unknown, "\n"), "latency counts from when it was sent")
	}
	for timings, says := range map[string]string{
		`"request_start": 100.25`:                   "benchmarks.0: requests.successful: request a: it is successful, and has no request_start or request_end",
		`"request_start": "x"`:                      "benchmarks.0: requests: successful: 0: info.timings.request_start: there is a JSON string where a number is wanted",
		`"request_start": 100, "request_end": 1e17`: "request_end: 100000000000000000.000000 lies outside of the run",
	} {
		_, err := foreign.Read([]string{written(t, "a.json", guide("constant", timings))}, "")
		assert.ErrorContains(t, err, says, timings)
	}
}

func TestAIPerf_theWindowBeginsWithTheFirstRequestThatIsNoWarmUp(t *testing.T) {
	const metrics = `"metrics": {"request_latency": {"value": 100, "unit": "ms"}}}` + "\n"
	lines := `{"metadata": {"request_start_ns": 1000000000, "benchmark_phase": "warmup"}, ` + metrics +
		`{"metadata": {"request_start_ns": 3000000000, "benchmark_phase": "profiling"}, ` + metrics + `{"metadata": {"request_start_ns": 4000000000, "benchmark_phase": "profiling"}, ` + metrics
	r := one(t, written(t, "a.jsonl", lines), written(t, "b.json", `{"input_config": {}, "request_count": {"avg": 2}, "request_throughput": {"avg": 1}, "start_time": "2026-12-01T12:00:00", "end_time": "2026-12-01T12:00:02"}`))
	assert.Equal(t, 2*time.Second, r.From)
	assert.Equal(t, 4*time.Second, r.To)
	assert.Equal(t, 4*time.Second, r.Length)
	assert.Empty(t, r.Doubts())
	assert.Equal(t, 2*time.Second, one(t, written(t, "a.jsonl", lines)).From)
}

func TestAIPerf_whatALineMayHold(t *testing.T) {
	const head = `{"metadata": {"request_start_ns": 1000000000, "request_end_ns": 1200000000}, "metrics": `
	for text, holds := range map[string]func(harness.Record) bool{
		head + `{"request_latency": {"value": 200, "unit": "ms"}}}`: func(r harness.Record) bool {
			return r.OK() && r.Seen == harness.SeenNone && r.E2E() == 200*time.Millisecond
		},
		head + `{"time_to_first_token": {"value": 50000, "unit": "us"}, "output_sequence_length": {"value": 9, "unit": "tokens"}}}`: func(r harness.Record) bool {
			return r.Seen == harness.SeenEnds && r.TTFT() == 50*time.Millisecond && r.OutputTokens == 9
		},
		head + `{"time_to_first_token": {"value": 50, "unit": "ms"}, "inter_chunk_latency": {"value": [1, 2], "unit": "ms"}, "request_latency": {"value": NaN, "unit": "ms"}}}`: func(r harness.Record) bool {
			return r.Seen == harness.SeenEach && len(r.Chunks) == 3 && r.E2E() == 200*time.Millisecond
		},
		head + `{}, "error": {"code": null, "type": "TimeoutError", "message": "took 5 s"}}`: func(r harness.Record) bool { return r.Failure == harness.Timeout },
		head + `{}, "error": {"code": 503, "type": "Service Unavailable", "message": ""}}`:   func(r harness.Record) bool { return r.Failure == harness.HTTPFailure(503) && r.HTTPStatus == 503 },
	} {
		all := records(t, one(t, written(t, "a.jsonl", text)))
		require.Len(t, all, 1)
		assert.True(t, holds(all[0]), "%s: %+v", text, all[0])
	}
	for text, says := range map[string]string{
		`{"metadata": {"request_start_ns": null}, "metrics": {}}`:                                               "a.jsonl:3: it has no metadata.request_start_ns",
		`{"metadata": {"request_start_ns": 1}, "metrics": {}}`:                                                  "a.jsonl:3: it says neither how long the request took nor that it failed",
		`{"metadata": {"request_start_ns": 1}, "metrics": {"request_latency": {"value": "x"}}}`:                 "a.jsonl:3: metrics.request_latency: ",
		`{"metadata": {"request_start_ns": 1}, "metrics": {"request_latency": {"value": 1, "unit": "parsec"}}}`: `metrics.request_latency: the unit "parsec" is not known`,
		`{"metadata": {"request_start_ns": 5, "request_end_ns": 1}, "metrics": {}}`:                             "request_end_ns is 1: it lies outside of the run",
		`{"metadata": {"request_sta`: "a.jsonl:3: the file ends in the middle of a value: it was cut off",
	} {
		_, err := foreign.Read([]string{written(t, "a.jsonl", head+"{\"request_latency\": {\"value\": 1}}}\n\n"+text)}, "")
		assert.ErrorContains(t, err, says, text)
	}
}

// point is a line of k6.
func point(metric string, value float64, tags string) string {
	return fmt.Sprintf(`{"metric":%q,"type":"Point","data":{"time":"2026-12-01T12:00:00.5Z","value":%g,"tags":{%s}}}`, metric, value, tags) + "\n"
}

// asked are the lines of one request.
func asked(tags string, failed float64) (text string) {
	text = point("http_reqs", 1, tags)
	for metric, ms := range map[string]float64{"http_req_duration": 100, "http_req_sending": 1, "http_req_waiting": 30, "http_req_connecting": 2, "http_req_tls_handshaking": 3, "http_req_failed": failed} {
		text += point(metric, ms, tags)
	}
	return text
}

func TestK6_whatLinesMayHold(t *testing.T) {
	const url = `"url":"http://me:secret@a:8000/v1/completions"`
	r := one(t, written(t, "a.json", `{"type":"Metric","data":{"name":"http_reqs"},"metric":"http_reqs"}`+"\n"+asked(url+`,"status":"200"`, 0)+point("vus", 3, "")+asked(url+`,"status":"0","error_code":"1050","error":"request timeout"`, 1)))
	assert.NotContains(t, r.URL, "secret")
	assert.Contains(t, r.URL, "a:8000")
	all := records(t, r)
	require.Len(t, all, 2)
	slices.SortFunc(all, func(a, b harness.Record) int { return a.Seq - b.Seq })
	assert.Equal(t, 100*time.Millisecond, all[0].E2E())
	assert.Equal(t, 31*time.Millisecond, all[0].Headers-all[0].Sent)
	assert.Equal(t, 5*time.Millisecond, all[0].Connecting)
	assert.Equal(t, harness.Timeout, all[1].Failure)
	assert.Equal(t, 1, all[1].Seq)

	set := asked(url+`,"status":"200"`, 0)
	for _, part := range []string{"::setup", "::teardown"} {
		set += point("vus", 3, "") + asked(url+`,"status":"500","group":"`+part+`"`, 1)
	}
	r = one(t, written(t, "a.json", set), written(t, "b.json", `{"root_group": {}, "metrics": {"http_reqs": {"count": 3}}}`))
	assert.Equal(t, 1, r.Requests, "setup and teardown are no load")
	assert.Len(t, records(t, r), 1)
	assert.Empty(t, r.Doubts(), "though k6 counts them")

	for text, says := range map[string]string{
		point("http_reqs", 1, "") + point("http_req_duration", 5, ""): "a.json:1: http_req_sending: this request has no point of it: the file was filtered, or cut off",
		point("http_req_duration", 5, ""):                             "a.json:1: this point of http_req_duration belongs to no request",
		`{"type":"Metric","data":{"name":"vus"},"metric":"vus"}`:      "k6 wrote no HTTP request into it",
		`{"type":"Point","data":{"time":"x"},"metric":"vus"}`:         "a.json:1: ",
	} {
		_, err := foreign.Read([]string{written(t, "a.json", text)}, foreign.K6)
		assert.ErrorContains(t, err, says, text)
	}
}

func TestWriteVLLMBench_isReadBack(t *testing.T) {
	r := one(t, made()[foreign.VLLMBench]...)
	run := &harness.Run{Records: slices.Values(records(t, r)), To: r.To}
	var file bytes.Buffer
	began := time.Date(2026, 12, 1, 12, 0, 0, 0, time.FixedZone("", 5*3600))
	require.NoError(t, foreign.WriteVLLMBench(&file, run, foreign.About{Model: "m", Rate: 12, Poisson: true, Start: began}))
	again := one(t, written(t, "again.json", file.String()))
	assert.Equal(t, "12 requests per second, Poisson process", again.Load)
	assert.WithinDuration(t, began, again.Start, time.Second)
	var unknown bytes.Buffer
	require.NoError(t, foreign.WriteVLLMBench(&unknown, run, foreign.About{Model: "m"}))
	assert.Contains(t, unknown.String(), `"request_rate":null,"burstiness":null`)
	assert.Empty(t, one(t, written(t, "unknown.json", unknown.String())).Load)
	assert.Empty(t, again.Doubts())
	was := figures(r)
	for name, f := range figures(again) {
		if was[name].Name != "" && !strings.Contains(name, "throughput") { // its duration begins with the first request
			assert.InEpsilon(t, was[name].Read+1, f.Read+1, 1e-6, name)
		}
	}
	guided := &harness.Run{Records: slices.Values(records(t, one(t, made()[foreign.GuideLLM]...))), To: time.Hour}
	assert.ErrorContains(t, foreign.WriteVLLMBench(io.Discard, guided, foreign.About{}), "those of this run are not known")
	assert.ErrorContains(t, foreign.WriteVLLMBench(io.Discard, &harness.Run{Records: slices.Values([]harness.Record(nil))}, foreign.About{}), "no requests")

	var table bytes.Buffer
	require.NoError(t, foreign.WriteCSV(&table, run))
	lines := strings.Split(strings.TrimSpace(table.String()), "\n")
	assert.Len(t, lines, 49)
	assert.True(t, strings.HasPrefix(lines[0], "scenario,class,seq,"))
}
