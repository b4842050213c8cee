package metric

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

func TestOf_findsTheRowOfASource(t *testing.T) {
	for name, source := range map[string]Source{
		"TTFT": TTFT(), "TPOT": TPOT(), "E2E latency": E2E(), "E2E latency since sent": InFlight(),
		"lag": Lag(), "read delay": ReadDelay(), "output tokens": AnswerLength(),
		"ITL": Gap{}, "error rate": ErrorRate{}, "attainment": Attainment{}, "request throughput": Total{Of: Ended, PerSecond: true},
	} {
		assert.Equal(t, name, Of(source).Name)
	}
	for name, series := range map[string]string{
		"queue time": vllm.RequestQueueTime, "prefill time": vllm.RequestPrefillTime, "decode time": vllm.RequestDecodeTime,
		"preemptions": vllm.NumPreemptions, "prefix cache hit rate": vllm.PrefixCacheHits, "KV cache usage": vllm.KVCacheUsage,
		"waiting requests": vllm.NumRequestsWaiting, "running requests": vllm.NumRequestsRunning,
	} {
		assert.Equal(t, name, OfSeries(series).Name)
	}
	assert.PanicsWithValue(t, "the catalogue of metrics has no row of vllm:nothing", func() { OfSeries("vllm:nothing") })
}

func TestMetrics_haveSourcesOfTheirOwn(t *testing.T) {
	for _, m := range Metrics() {
		assert.Equal(t, m.Name, Of(m.Source).Name, "two rows measure the same")
	}
	raw, err := Lookup(`"vllm:num_preemptions_total"`)
	require.NoError(t, err)
	assert.True(t, raw.RestsOn(vllm.NumPreemptions), "a series that a scenario names is the same series")
	assert.False(t, raw.RestsOn(vllm.KVCacheUsage))
	assert.False(t, Metric{}.Measures(TTFT()))
}

// names are those of figures.
func names(m map[string]bool, all []string) map[string]bool {
	for _, name := range all {
		m[name] = true
	}
	return m
}

func TestCurveAndHistory_areStatisticsThatTheirMetricsHave(t *testing.T) {
	for _, m := range Metrics() {
		has := names(map[string]bool{}, append(m.Summarized(), m.Statistics()...))
		for _, statistic := range append(m.Curve, m.History...) {
			assert.True(t, has[statistic], "%s has no %q", m.Name, statistic)
		}
	}
	var curve, history []string
	for _, o := range Curve() {
		curve = append(curve, o.Name())
	}
	for _, o := range History() {
		history = append(history, o.Name())
	}
	assert.Contains(t, curve, "p99 TTFT")
	assert.Contains(t, curve, "output throughput")
	assert.Equal(t, []string{"p50 TTFT", "p99 TTFT", "p95 ITL", "p50 TPOT", "p99 TPOT", "mean E2E latency", "p50 real-time factor", "p99 real-time factor", "output throughput", "input throughput", "audio throughput", "goodput"}, history)
}
