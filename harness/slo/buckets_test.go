package slo_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// A fallen is a histogram of the server's at an instant: how many were at most each
// bound, and their sum.
func fallen(at time.Duration, engine string, sum float64, counts map[string]float64) (out []harness.Sample) {
	one := func(part string, v float64, le string) harness.Sample {
		labels := map[string]string{"engine": engine}
		if le != "" {
			labels["le"] = le
		}
		return harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: "vllm:request_queue_time_seconds" + part, Labels: labels, Value: v}}
	}
	for le, n := range counts {
		out = append(out, one("_bucket", n, le))
	}
	return append(out, one("_sum", sum, ""), one("_count", counts["+Inf"], ""))
}

func TestHistogram_isKnownToWithinABucket(t *testing.T) {
	run := runtest.Of(1000, nil)
	none := map[string]float64{"0.3": 50, "1": 50, "5": 50, "+Inf": 50} // of before the run
	run.Samples = slices.Values(slices.Concat(fallen(0, "0", 5, none), fallen(0, "1", 0, map[string]float64{"0.3": 0, "1": 0, "5": 0, "+Inf": 0}),
		fallen(100*second, "0", 5+600, map[string]float64{"0.3": 50 + 300, "1": 50 + 500, "5": 50 + 590, "+Inf": 50 + 600}),
		fallen(100*second, "1", 100, map[string]float64{"0.3": 390, "1": 400, "5": 400, "+Inf": 400})))
	v := judge(t, run, "mean queue time", "at most 1 s")
	assert.InDelta(t, .7, v.Value, 1e-12, "700 s of 1,000 requests, of two engines")
	assert.Equal(t, 1000, v.N)
	v = judge(t, run, "p50 queue time", "at most 300 ms")
	assert.Equal(t, slo.Met, v.Outcome, "690 of 1,000 were at most 300 ms")
	assert.Equal(t, []float64{0, .3}, []float64{v.Lo, v.Hi})
	v = judge(t, run, "p95 queue time", "at most 1 s")
	assert.Equal(t, slo.Missed, v.Outcome, "only 900 of 1,000 were at most a second")
	assert.InDelta(t, 5, v.Hi, 1e-12)
	assert.Equal(t, slo.Unknown, judge(t, run, "p95 queue time", "at most 2 s").Outcome, "somewhere between 1 s and 5 s")
	v = judge(t, run, "p99.9 queue time", "at most 1 s")
	assert.True(t, math.IsInf(v.Hi, 1), "who is above the last bound is above it, and nobody knows how far")
}

func TestHistogram_sumBoundsAPercentile(t *testing.T) {
	run := runtest.Of(1000, nil)
	zero := map[string]float64{"0.3": 0, "+Inf": 0}
	run.Samples = slices.Values(slices.Concat(fallen(0, "0", 0, zero), fallen(100*second, "0", 4, map[string]float64{"0.3": 1000, "+Inf": 1000})))
	v := judge(t, run, "p50 queue time", "at most 10 ms")
	assert.Equal(t, slo.Met, v.Outcome, "half of 1,000 that took 4 s together cannot have taken more than 8 ms each")
	assert.InDelta(t, .0085, v.Hi, .0005)
}

func TestHistogram_ofARestartedServerBeginsAtZero(t *testing.T) {
	run := runtest.Of(1000, nil)
	run.Samples = slices.Values(slices.Concat(
		fallen(0, "0", 0, map[string]float64{"0.3": 10, "+Inf": 10}),
		fallen(50*second, "0", 1, map[string]float64{"0.3": 20, "+Inf": 110}),
		fallen(100*second, "0", 9, map[string]float64{"0.3": 100, "+Inf": 100}))) // the first bucket has risen, the others tell
	v := judge(t, run, "mean queue time", "at most 1 s")
	assert.Equal(t, 200, v.N, "100 before and 100 after")
	assert.InDelta(t, .05, v.Value, 1e-12)
}

func TestHistogram_thatWasNotReadIsUnknown(t *testing.T) {
	v := judge(t, runtest.Of(1000, nil), "p99 server TTFT", "at most 1 s")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "set VLLM_METRICS_URL")
}

func TestCounter_isJudgedByTheSecond(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, "context_switches", "host", 1000, 3000, 3500) // 50 s from one to the next
	v := judge(t, run, "max context switches", "at most 39 per second")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.InDelta(t, 40, v.Value, 1e-9)
	assert.InDelta(t, 25, judge(t, run, "mean context switches", "at least 1 per second").Value, 1e-9)
}

func TestGPU_figuresAreAddedOrAveraged(t *testing.T) {
	run := runtest.Of(1000, nil)
	var all []harness.Sample
	for i := range 4 {
		for series, v := range map[string]float64{"gpu_utilisation_ratio": .25 * float64(i), "gpu_power_watts": 100, "gpu_temperature_celsius": float64(40 + i), "gpu_sm_clock_hertz": 1.2e9} {
			all = append(all, harness.Sample{At: second, Reading: harness.Reading{Source: "gpu", Series: series, Labels: map[string]string{"gpu": fmt.Sprint(i)}, Value: v}})
		}
	}
	run.Samples = slices.Values(all)
	for row, want := range map[[2]string]float64{{"mean GPU utilisation", "at least 1%"}: .375, {"mean GPU power", "at most 0.5 kW"}: 400,
		{"max GPU temperature", "at most 80 °C"}: 43, {"min GPU clock", "at least 1,200 MHz"}: 1.2e9} {
		v := judge(t, run, row[0], row[1])
		assert.InDelta(t, want, v.Value, 1e-9, row[0])
		assert.Equal(t, slo.Met, v.Outcome, row[0])
	}
}

func TestSampled_sourceSaysWhyThereIsNothing(t *testing.T) {
	run := runtest.Of(1000, nil)
	run.Unwatched = map[string]string{"gpu": "no GPU could be read: NVIDIA's library and its driver are of two versions"}
	for _, row := range [][2]string{{"mean GPU power", "at most 1 W"}, {"energy per output token", "at most 1 J"}, {"total uncorrected memory errors", "none"}} {
		v := judge(t, run, row[0], row[1])
		assert.Equal(t, slo.Unknown, v.Outcome)
		assert.Contains(t, v.Notes[len(v.Notes)-1], "are of two versions", row[0])
	}
}

func TestSampled_missingSeriesIsNotAMissingSource(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, "gpu_power_watts", "gpu", 100, 100)
	watching(run, "vllm:num_requests_running", "server", 1, 1)
	for row, says := range map[string]string{"max GPU temperature": "the GPUs were read, but they, their driver or their exporter do not tell gpu_temperature_celsius",
		"mean queue time": "the server's metrics were read, but do not have vllm:request_queue_time_seconds", "total preemptions": "do not have vllm:num_preemptions_total"} {
		v := judge(t, run, row, map[string]string{"max GPU temperature": "at most 90 °C", "mean queue time": "at most 1 s", "total preemptions": "none"}[row])
		assert.Contains(t, v.Notes[len(v.Notes)-1], says)
	}
}

func TestParse_oldNamesAskForTodaysSeries(t *testing.T) {
	run := runtest.Of(1000, nil)
	watching(run, "vllm:kv_cache_usage_perc", "server", .5, .9)
	assert.InDelta(t, .9, judge(t, run, `max "vllm:gpu_cache_usage_perc"`, "at most 1").Value, 1e-12)
	v := judge(t, run, `max "vllm:num_requests_swapped"`, "none")
	assert.Contains(t, v.Notes[0], "ask for preemptions")
}

func TestParse_labelOfASeries(t *testing.T) {
	run := runtest.Of(1000, nil)
	var all []harness.Sample
	for i, at := range []time.Duration{0, 100 * second} {
		for reason, n := range map[string]float64{"stop": 990, "abort": 7, "error": 3} {
			all = append(all, harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: "vllm:request_success_total",
				Labels: map[string]string{"engine": "0", "finished_reason": reason}, Value: n * float64(i)}})
		}
	}
	run.Samples = slices.Values(all)
	for row, want := range map[string]float64{"total aborted requests": 7, "total server errors": 3, `total "vllm:request_success_total"`: 1000,
		`total "vllm:request_success_total{finished_reason=stop}"`: 990, `total "vllm:request_success_total{finished_reason="stop",engine="0"}"`: 990} {
		assert.InDelta(t, want, judge(t, run, row, "at least 1").Value, 1e-9, row)
	}
}
