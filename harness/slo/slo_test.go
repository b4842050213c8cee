package slo_test

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

const second = time.Second

func judge(t *testing.T, run *harness.Run, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return slo.Judge(measure.Of(run), []harness.Objective{o})[0]
}

func TestJudge_failedRequestIsTheWorst(t *testing.T) {
	run := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%10 == 0 {
			*r = runtest.Failed(*r)
		}
	})
	v := judge(t, run, "p95 TTFT", "at most 10 s")
	assert.Equal(t, slo.Missed, v.Outcome, "a tenth of the requests was never answered")
	assert.True(t, math.IsInf(v.Value, 1))
	assert.Contains(t, v.Sentence(), "missed: p95 TTFT was no answer")
	assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 700 ms").Outcome)
	assert.InDelta(t, 0.1, judge(t, run, "error rate", "at most 5%").Value, 1e-9)
	assert.Equal(t, slo.Missed, judge(t, run, "error rate", "none").Outcome)
	fast := judge(t, run, "p95 TTFT", "at least 1 ms")
	assert.Equal(t, 900, fast.N, "an objective from below does not profit from failures")
}

func TestFigures_ofTheRun(t *testing.T) {
	run := runtest.Of(200, func(i int, r *harness.Record) { r.Good = i%4 != 0 })
	for subject, want := range map[string]float64{
		"requests": 200, "request rate": 10, "attainment": 0.75, "goodput": 7.5, "error rate": 0,
		"mean concurrency": 200 * (0.1005 + 0.03) / 20, "mean ITL": 0.01, "p99 TPOT": 0.01, "p50 lag": 0,
	} {
		o, err := slo.Parse(subject, map[bool]string{true: "at least 0%", false: ""}[subject == "attainment" || subject == "error rate"])
		if err != nil { // the unit is another one; any will do
			for _, unit := range []string{"0", "0 s", "0 per second"} {
				if o, err = slo.Parse(subject, "at least "+unit); err == nil {
					break
				}
			}
		}
		require.NoError(t, err, subject)
		assert.InDelta(t, want, slo.Judge(measure.Of(run), []harness.Objective{o})[0].Value, 1e-2*max(1, want), subject)
	}
}

func TestJudge_nothingIsKnownWithoutData(t *testing.T) {
	run := runtest.Of(0, nil)
	for _, subject := range []string{"p50 TTFT", "error rate", "mean KV cache usage"} {
		expectation := "at most 1%"
		if subject == "p50 TTFT" {
			expectation = "at most 1 s"
		}
		v := judge(t, run, subject, expectation)
		assert.Equal(t, slo.Unknown, v.Outcome, subject)
		assert.NotEmpty(t, v.Notes, subject)
	}
	v := judge(t, runtest.Of(1000, nil), "mean GPU utilisation", "at least 40%")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "no GPU could be read")
	assert.Contains(t, v.Sentence(), "is not known")
}

func TestFigures_ofTheServer(t *testing.T) {
	run := runtest.Of(1000, nil)
	run.From = 10 * second
	samples := []harness.Sample{
		runtest.Sample(5*second, "vllm:num_preemptions_total", "0", 3), // before the window: where it starts from
		runtest.Sample(5*second, "vllm:num_requests_waiting", "0", 99),
		runtest.Sample(20*second, "vllm:num_preemptions_total", "0", 5),
		runtest.Sample(20*second, "vllm:num_requests_waiting", "0", 2),
		runtest.Sample(20*second, "vllm:num_requests_waiting", "1", 4),
		runtest.Sample(20*second, "vllm:kv_cache_usage_perc", "0", .2),
		runtest.Sample(20*second, "vllm:kv_cache_usage_perc", "1", .6),
		runtest.Sample(30*second, "vllm:num_preemptions_total", "0", 1), // the server was restarted
		runtest.Sample(30*second, "vllm:num_requests_waiting", "0", 0),
		runtest.Sample(30*second, "vllm:kv_cache_usage_perc", "0", .4),
		runtest.Sample(5*second, "vllm:prefix_cache_queries_total", "0", 100),
		runtest.Sample(5*second, "vllm:prefix_cache_hits_total", "0", 10),
		runtest.Sample(20*second, "vllm:prefix_cache_queries_total", "0", 100),
		runtest.Sample(30*second, "vllm:prefix_cache_queries_total", "0", 300),
		runtest.Sample(20*second, "vllm:prefix_cache_hits_total", "0", 10),
		runtest.Sample(30*second, "vllm:prefix_cache_hits_total", "0", 60),
	}
	slices.SortStableFunc(samples, func(a, b harness.Sample) int { return cmp.Compare(a.At, b.At) }) // as they are read
	run.Samples = slices.Values(samples)
	for _, c := range []struct {
		subject, expectation string
		want                 float64
	}{
		{"total preemptions", "none", 3}, {"max waiting requests", "at most 9", 6}, {"mean waiting requests", "at most 9", 3},
		{"max KV cache usage", "at most 90%", .6}, {"prefix cache hit rate", "at least 1%", .25},
		{`max "vllm:num_requests_waiting"`, "at most 9", 6}, {`total "vllm:prefix_cache_hits_total"`, "exactly 50", 50},
	} {
		assert.InDelta(t, c.want, judge(t, run, c.subject, c.expectation).Value, 1e-9, c.subject)
	}
}

func TestParse_saysWhatWouldBeRight(t *testing.T) {
	for _, c := range []struct{ subject, expectation, says string }{
		{"p99 TFTT", "at most 1 s", `did you mean "TTFT"`},
		{"TTFT", "at most 1 s", "needs a statistic"},
		{"p101 TTFT", "at most 1 s", "between p0 and p100"},
		{"total TTFT", "at most 1 s", "has no total"},
		{`max "vllm:generation_tokens_total"`, "at most 1", "has no max; it has total"},
		{"p99 goodput", "at least 1 per second", "leave out"},
		{"p99 TTFT", "at most 500", "has no unit; write 500 ms or 500 s"},
		{"error rate", "at most 1", "has no unit; write 1%"},
		{"output throughput", "at least 900", "has no unit; write 900 tokens per second"},
		{"p99 TTFT", "at most 500 meters", "no unit of TTFT"},
		{"p99 TTFT", "at most -1 s", "cannot be negative"},
		{"p99 TTFT", "at most fast", "is no quantity"},
		{"p99 TTFT", "300ms", "says no relation; write | p99 TTFT | at most 300 ms |"},
		{"output throughput", "1.5k tok/s", "write | output throughput | at least 1,500 tokens per second |"},
		{"p999 TTFT", "at most 1 s", "did you mean p99.9?"},
		{"throughput", "at least 8 per second", "write request throughput, or output throughput"},
		{"success rate", "at least 99%", "| error rate | at most 1% |"},
		{"requests", "< 100", `"< 100" leaves 100 out: write at most 99, or with it: at most 100`},
		{"requests", "exactly 1.500", `"1.500": requests is always a whole number; write 1,500 or 2`},
		{"total preemptions", "between 0.5 and 2", `"0.5": total preemptions is always a whole number; write 1`},
		{"max output tokens", "at most 1.500 tokens", "write 1,500 or 2"},
		{"max waiting requests", "under 5", "write at most 4"},
		{"worst GPU power", "at most 500 W", "neither more nor less GPU power is better"},
		{"max GPU memory", "under 40 Gb", `"Gb" is no unit`},
		{"p99 TTFT", "at mots 1 s", `did you mean "at most"`},
		{"error rate", "at most 101%", "between 0% and 100%"},
		{"error rate", "between 7% and 3%", "the smaller one"},
		{"error rate", "between 7%", "write between"},
	} {
		_, err := slo.Parse(c.subject, c.expectation)
		assert.ErrorContains(t, err, c.says, c.subject+" "+c.expectation)
	}
	_, err := slo.ParseGood("p99 TTFT", "at most 1 s")
	assert.ErrorContains(t, err, "one request has one TTFT")
	_, err = slo.ParseGood("goodput", "at least 1 per second")
	assert.ErrorContains(t, err, "no figure of one request; a request is good by TTFT, time to first answer, TPOT, E2E latency")
}

func TestParse_readsRowsAsTheyAreMeant(t *testing.T) {
	for _, c := range []struct {
		subject, expectation string
		want                 harness.Objective
	}{
		{"p99.9 ttft", "at most 1,500 ms", harness.Objective{Text: "p99.9 TTFT at most 1,500 ms", Statistic: "p99.9", Metric: "TTFT", Relation: harness.AtMost, Limit: 1.5}},
		{"total preemptions", "none", harness.Objective{Text: "total preemptions none", Statistic: "total", Metric: "preemptions", Relation: harness.Exactly}},
		{"request rate", "between 4 and 6 per second", harness.Objective{Text: "request rate between 4 and 6 per second", Metric: "request rate", Relation: harness.Between, Limit: 4, Upper: 6}},
		{"p50 TTFT", "between 100 and 500 ms", harness.Objective{Text: "p50 TTFT between 100 and 500 ms", Statistic: "p50", Metric: "TTFT", Relation: harness.Between, Limit: .1, Upper: .5}},
		{"mean waiting requests", "under 5", harness.Objective{Text: "mean waiting requests at most 5", Statistic: "mean", Metric: "waiting requests", Relation: harness.AtMost, Limit: 5}},
		{"mean waiting requests", "at most 1.5", harness.Objective{Text: "mean waiting requests at most 1.5", Statistic: "mean", Metric: "waiting requests", Relation: harness.AtMost, Limit: 1.5}},
		{`mean "vllm:kv_cache_usage_perc"`, "under 1", harness.Objective{Text: `mean "vllm:kv_cache_usage_perc" at most 1`, Statistic: "mean", Metric: `"vllm:kv_cache_usage_perc"`, Relation: harness.AtMost, Limit: 1}},
		{"requests", "exactly 1.5k", harness.Objective{Text: "requests exactly 1,500", Metric: "requests", Relation: harness.Exactly, Limit: 1500}},
		{"worst GPU clock", "at least 1,200 MHz", harness.Objective{Text: "min GPU clock at least 1,200 MHz", Statistic: "min", Metric: "GPU clock", Relation: harness.AtLeast, Limit: 1.2e9}},
		{"error rate", "between 3% and 7%", harness.Objective{Text: "error rate between 3% and 7%", Metric: "error rate", Relation: harness.Between, Limit: .03, Upper: .07}},
	} {
		o, err := slo.Parse(c.subject, c.expectation)
		require.NoError(t, err)
		assert.InDelta(t, c.want.Upper, o.Upper, 1e-12)
		o.Upper, c.want.Upper = 0, 0
		assert.Equal(t, c.want, o)
	}
}

func TestGood_isWithinEveryLimit(t *testing.T) {
	limit, err := slo.ParseGood("TTFT", "at most 500 ms")
	require.NoError(t, err)
	good := metric.GoodRequest([]harness.Objective{limit})
	fast, slow := runtest.Request(0, 0, 400*time.Millisecond), runtest.Request(1, 0, 600*time.Millisecond)
	assert.True(t, good(&fast))
	assert.False(t, good(&slow))
	none := runtest.Failed(fast)
	assert.False(t, good(&none), "an unanswered request is never good")
}

func TestVerdict_survivesItsFile(t *testing.T) {
	run := runtest.Of(1000, func(i int, r *harness.Record) {
		if i%10 == 0 {
			*r = runtest.Failed(*r)
		}
	})
	for _, c := range [][2]string{{"p50 TTFT", "at most 1 s"}, {"p95 TTFT", "at most 1 s"}, {"mean GPU power", "at most 1 W"}} {
		v := judge(t, run, c[0], c[1])
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		var back slo.Verdict
		require.NoError(t, json.Unmarshal(raw, &back))
		assert.Equal(t, v.Sentence(), back.Sentence())
	}
}

func TestQuantity_isWrittenForPeople(t *testing.T) {
	for want, c := range map[string]struct {
		v float64
		u quantity.Unit
	}{
		"731 ms": {.7312, quantity.Seconds}, "4.2 s": {4.2, quantity.Seconds}, "25 µs": {25e-6, quantity.Seconds}, "99.3 %": {.993, quantity.Ratio},
		"7.9 per second": {7.9, quantity.PerSecond}, "2,417": {2417, quantity.Count}, "not known": {math.NaN(), quantity.Count}, "no answer": {math.Inf(1), quantity.Seconds},
	} {
		assert.Equal(t, want, quantity.Format(c.v, c.u))
	}
}

func TestJudge_classByItself(t *testing.T) {
	run := runtest.Of(1000, func(i int, r *harness.Record) { r.Class = map[bool]string{true: "slow", false: "fast"}[i >= 500] })
	v := judge(t, run, "fast: p95 TTFT", "at most 600 ms")
	assert.Equal(t, slo.Met, v.Outcome)
	assert.Equal(t, 500, v.N)
	v = judge(t, run, "slow: p50 TTFT", "at most 600 ms")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Regexp(t, `^missed: slow: p50 TTFT was 751 ms \[.*\], n = 500, against at most 600 ms$`, v.Sentence())
	assert.Equal(t, slo.Met, judge(t, run, "slow: requests", "exactly 500").Outcome)
	assert.Equal(t, slo.Met, judge(t, run, "slow: max concurrency", "at least 1").Outcome)
}

func TestJudge_chunkIsNoToken(t *testing.T) {
	run := runtest.Of(1000, func(_ int, r *harness.Record) { r.ChunkTokens, r.OutputTokens = []int{2, 1, 2, 5}, 10 })
	assert.InDelta(t, .010, judge(t, run, "p50 ITL", "at most 1 s").Value, 1e-9)
	assert.InDelta(t, .002, judge(t, run, "p50 ITL per token", "at most 1 s").Value, 1e-9, "of 8 tokens 5 came together")
	assert.InDelta(t, .030/8, judge(t, run, "mean ITL per token", "at most 1 s").Value, 1e-9)
	assert.InDelta(t, 4, judge(t, run, "mean chunks", "exactly 4").Value, 1e-9)
	unreported := judge(t, runtest.Of(1000, nil), "p50 ITL per token", "at most 1 s")
	assert.Equal(t, slo.Unknown, unreported.Outcome)
	assert.Contains(t, unreported.Notes[0], "does not tell how many tokens")
}

func TestGood_classesHaveLimitsOfTheirOwn(t *testing.T) {
	limit, err := slo.ParseGood("chat: TTFT", "at most 500 ms")
	require.NoError(t, err)
	assert.Equal(t, "chat: TTFT at most 500 ms", limit.Text)
	good := metric.GoodRequest([]harness.Objective{limit})
	slow := runtest.Request(0, 0, 600*time.Millisecond)
	assert.True(t, good(&slow), "of no class")
	slow.Class = "chat"
	assert.False(t, good(&slow))
}

func TestFigures_draftsAndTheBacklog(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, "vllm:spec_decode_num_draft_tokens_total", "server", 100, 300)
	watching(run, "vllm:spec_decode_num_accepted_tokens_total", "server", 10, 160)
	watching(run, harness.SeriesUnanswered, "client", 3, 41, 7)
	assert.InDelta(t, .75, judge(t, run, "draft acceptance rate", "at least 10%").Value, 1e-9)
	assert.InDelta(t, 41, judge(t, run, "max backlog", "at most 50").Value, 1e-9)
}

func TestGood_needsToBeKnown(t *testing.T) {
	limit, err := slo.ParseGood("TPOT", "at most 20 ms")
	require.NoError(t, err)
	run := runtest.Of(1000, func(_ int, r *harness.Record) {
		r.OutputTokens, r.Full, r.RequestedOutputTokens = harness.Unreported, true, 500
	})
	run.Scenario.Good = []harness.Objective{limit}
	v := judge(t, run, "attainment", "at least 99%")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "answers were to have a length, but the server reported no token counts")
	assert.Len(t, v.Notes, 1, "one reason is enough")
	run = runtest.Of(1000, func(_ int, r *harness.Record) { r.OutputTokens = harness.Unreported })
	run.Scenario.Good = []harness.Objective{limit}
	assert.Contains(t, judge(t, run, "attainment", "at least 99%").Notes[0], "what makes a request good is its TPOT")
}

func TestEarlyStop_fastFailuresDoNotDecide(t *testing.T) {
	limit, err := slo.Parse("error rate", "at most 10%")
	require.NoError(t, err)
	early := slo.NewEarlyStop([]harness.Objective{limit}, 0)
	require.NoError(t, early.Sample(harness.Sample{Reading: harness.Reading{Source: "client", Series: harness.SeriesIssued, Value: 100}}))
	for i := range 5 { // of a hundred that were sent, the first to end were refused
		require.NoError(t, early.Record(runtest.Failed(runtest.Request(i, 0, second))))
	}
	assert.Empty(t, early.Decided(10*second))
	for i := range 60 {
		require.NoError(t, early.Record(runtest.Failed(runtest.Request(i, 0, second))))
	}
	assert.Contains(t, early.Decided(10*second), "error rate at most 10% was missed: it was 65 %")
	for _, row := range [][2]string{{"request rate", "at least 1 per second"}, {"attainment", "at least 90%"}, {"chat: error rate", "at most 1%"}} {
		o, err := slo.Parse(row[0], row[1])
		require.NoError(t, err)
		assert.Error(t, slo.Decidable(o), row[0])
	}
}
