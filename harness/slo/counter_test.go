package slo_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

func TestCounter_thatFallsBeganAgain(t *testing.T) {
	c := ledger.NewCounters()
	rise := func(at time.Duration, v float64, engine string) (float64, bool) {
		return c.Rise(runtest.Sample(at, "vllm:num_preemptions_total", engine, v), 0)
	}
	_, known := rise(0, 100, "0")
	assert.False(t, known, "what it had counted before was not seen")
	for _, step := range []struct {
		v, rose float64
		engine  string
	}{{130, 30, "0"}, {130, 0, "0"}, {7, 7, "0"}, {50, 43, "1"}, {9, 2, "0"}} {
		rose, known := rise(second, step.v, step.engine)
		if step.engine == "1" {
			step.rose = step.v // it appears in mid-run
		}
		assert.True(t, known)
		assert.InDelta(t, step.rose, rose, 1e-9)
	}
}

// none is a reading of the server's without a value.
func none(at time.Duration, series, reads string, labels ...string) harness.Sample {
	of := map[string]string{"of": "server", harness.LabelSeries: series, harness.LabelReading: reads}
	for i := 0; i < len(labels); i += 2 {
		of[labels[i]] = labels[i+1]
	}
	return harness.Sample{At: at, Reading: harness.Reading{Source: "watch", Series: harness.SeriesNoValue, Labels: of, Value: 1}}
}

func TestSampled_seriesWithoutAValueIsItsOwnGapOnly(t *testing.T) {
	at := func(i int) time.Duration { return time.Duration(i) * 10 * second }
	run := runtest.Of(1000, nil)
	var samples []harness.Sample
	for i := range 11 {
		samples = append(samples,
			runtest.Sample(at(i), "vllm:num_requests_running", "0", 3), none(at(i), "vllm:num_requests_running", "-1", "engine", "1"),
			runtest.Sample(at(i), "vllm:num_requests_waiting", "0", 1),
			none(at(i), "vllm:spec_decode_rate", "NaN", "engine", "0"),
			runtest.Sample(at(i), "vllm:generation_tokens_total", "0", float64(100*i)))
		if i < 10 {
			samples = append(samples, runtest.Sample(at(i), "vllm:num_preemptions_total", "0", float64(i)))
		} else {
			samples = append(samples, none(at(i), "vllm:num_preemptions_total", "NaN", "engine", "0"))
		}
		if i == 5 {
			samples = append(samples, none(at(i), "vllm:kv_cache_usage_perc", "NaN", "engine", "0"))
		} else {
			samples = append(samples, runtest.Sample(at(i), "vllm:kv_cache_usage_perc", "0", .5))
		}
	}
	run.Samples = slices.Values(samples)
	for row, says := range map[[2]string]string{
		{"mean running requests", "at most 9"}:                            "the server's metrics give −1 for vllm:num_requests_running, which is no value",
		{`max "vllm:spec_decode_rate"`, "at most 9"}:                      "the server's metrics give NaN for vllm:spec_decode_rate, which is no value",
		{"total preemptions", "at most 9"}:                                "the server's metrics give NaN for vllm:num_preemptions_total, which is no value",
		{`max "vllm:num_requests_running{engine=1}"`, "at most 9"}:        "which is no value",
		{`max "vllm:num_requests_running{engine=0}"`, "at most 9"}:        "",
		{"mean waiting requests", "at most 9"}:                            "",
		{"max KV cache usage", "at most 90%"}:                             "", // one of eleven
		{"mean server output throughput", "at most 99 tokens per second"}: "",
	} {
		v := judge(t, run, row[0], row[1])
		if says == "" {
			assert.Equal(t, slo.Met, v.Outcome, "%s: %v", row[0], v.Notes)
			continue
		}
		assert.Equal(t, slo.Unknown, v.Outcome, row[0])
		require.NotEmpty(t, v.Notes, row[0])
		assert.Contains(t, v.Notes[0], says)
	}
}

func TestSampled_rowSaysWhyTheServerWasNotRead(t *testing.T) {
	const refused = "http://host/metrics: 401: access is refused; set VLLM_METRICS_API_KEY"
	never := runtest.Of(100, nil)
	never.Unread = map[string]string{"server": refused, "gpu": "http://host:9400/metrics: connection refused"}
	for row, says := range map[[2]string]string{
		{"mean running requests", "at most 9"}:    "the server's metrics could not be read: " + refused,
		{"total preemptions", "none"}:             "the server's metrics could not be read: " + refused,
		{"p50 queue time", "at most 1 s"}:         "the server's metrics could not be read: " + refused,
		{`max "vllm:anything"`, "at most 9"}:      "the server's metrics could not be read: " + refused,
		{"mean GPU power", "at most 9 W"}:         "no GPU could be read: http://host:9400/metrics: connection refused",
		{"GPU energy", "at most 9 J"}:             "no GPU could be read: http://host:9400/metrics: connection refused",
		{"prefix cache hit rate", "at least 10%"}: "the server's metrics could not be read: " + refused,
	} {
		v := judge(t, never, row[0], row[1])
		assert.Equal(t, slo.Unknown, v.Outcome)
		assert.Contains(t, v.Notes[0], says, row[0])
	}
	assert.Contains(t, row(t, ledger.Of(never), "requests", "exactly").Cause.Reason(), refused)

	rarely := runtest.Of(1000, nil)
	rarely.Unread = map[string]string{"server": "http://host/metrics: no answer came within 1 s"}
	watching(rarely, harness.SeriesIssued, "client", make([]float64, 101)...)
	watching(rarely, "vllm:num_requests_waiting", "server", 1, 2)
	assert.Contains(t, judge(t, rarely, "max waiting requests", "at most 9").Notes[0], "the server was not read for 99 s of the 100 s that were measured, and what it did then is not known; of the last that did not: http://host/metrics: no answer came within 1 s")
}

func TestParse_checksASeriesInQuotes(t *testing.T) {
	for series, says := range map[string]string{
		"vllm:x{model_name!=a}":     `"model_name!=a" cannot be read: of the labels of a series only label=value is supported`,
		`vllm:x{model_name=~"a.*"}`: "only label=value is supported",
		"vllm:x{a=b,c!~d}":          "only label=value is supported",
		"vllm:x{engine}":            `"engine" is no label of vllm:x: write {label=value}`,
		"vllm:x{engine=0":           "do not end",
		"rate(vllm:x[1m])":          "is no name of a series",
		"vllm:x y":                  "is no name of a series",
		"":                          "is no name of a series",
	} {
		_, err := slo.Parse(`max "`+series+`"`, "at most 1")
		assert.ErrorContains(t, err, says, series)
	}
	_, err := slo.Parse(`total "vllm:generation_tokens{engine=0}"`, "at most 1")
	assert.ErrorContains(t, err, `did you mean "vllm:generation_tokens_total{engine=0}"?`)
	run := runtest.Of(1000, nil)
	run.Samples = slices.Values([]harness.Sample{runtest.Sample(0, "vllm:generation_tokens_total", "a,b", 3), runtest.Sample(second, "vllm:generation_tokens_total", "a,b", 9),
		{At: second, Reading: harness.Reading{Source: harness.OtherModels, Series: "vllm:num_requests_waiting", Labels: map[string]string{"model_name": "n"}, Value: 40}},
		runtest.Sample(second, "vllm:num_requests_waiting", "0", 2)})
	assert.InDelta(t, 6, judge(t, run, `total "vllm:generation_tokens_total{engine="a,b"}"`, "at most 9").Value, 1e-9)
	assert.Contains(t, judge(t, run, `max "vllm:generation_tokens"`, "at most 9").Notes[0], `no series vllm:generation_tokens; did you mean "vllm:generation_tokens_total"?`)
	assert.InDelta(t, 2, judge(t, run, "max waiting requests", "at most 9").Value, 1e-9, "another model's are not ours")
	assert.InDelta(t, 40, judge(t, run, `max "vllm:num_requests_waiting{model_name=n}"`, "at most 99").Value, 1e-9, "unless they are asked for")
	o, err := slo.Parse(`max "vllm:gpu_cache_usage_perc{engine=0}"`, "at most 1")
	require.NoError(t, err)
	assert.Equal(t, []string{"vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"}, metric.RawSeries([]harness.Objective{o, {Metric: "TTFT"}}))
}

func TestGPU_ofSeveralPodsIsNoted(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, "gpu_power_watts", "gpu", 300, 310)
	samples := slices.Collect(run.Samples)
	for _, pod := range []string{"ml/ours", "ml/theirs"} {
		labels := maps.Clone(map[string]string{"gpu": "0", "pod": pod})
		samples = append(samples, harness.Sample{Reading: harness.Reading{Source: "gpu", Series: "gpu_pod_info", Labels: labels, Value: 1}})
	}
	run.Samples = slices.Values(samples)
	v := judge(t, run, "mean GPU power", "at most 900 W")
	assert.Contains(t, v.Notes[0], "the GPUs belong to 2 pods (ml/ours, ml/theirs), and this is of all of them")
	run.Samples = slices.Values(samples[:len(samples)-1])
	assert.Empty(t, judge(t, run, "mean GPU power", "at most 900 W").Notes)
}
