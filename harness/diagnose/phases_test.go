package diagnose_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

func TestTimesOf_countsRequestsAndMoments(t *testing.T) {
	cases, err := runtest.Read("timed", `case timed by the server
	  requests 20 every 100ms
	  request all: sent 100ms, headers 150ms, first 1s, queue 500ms, prefill 300ms, decode 30ms`)
	require.NoError(t, err)
	all := diagnose.TimesOf(measure.Of(cases[0].Run))
	assert.Equal(t, 20, all.Timed)
	assert.Equal(t, 20, all.All.N)
	assertPhases(t, all.All.Phases, all.Slowest.Phases)
	assert.InDelta(t, 1.03, all.All.Total(), 1e-9, "nothing is lost between them")
	assert.Len(t, all.Moments, 2)
	assert.Equal(t, 10, all.Moments[1].N)
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"queue_s":0.5`)
}

// Where only the ends of an answer are known, the time between them is no stall; where no token is, nothing is
// kept apart.
func TestTimesOf_ofAnswersThatAreNotKnownWhole(t *testing.T) {
	of := func(seen harness.Seen) diagnose.Times {
		return diagnose.TimesOf(measure.Of(runtest.Of(20, func(_ int, r *harness.Record) {
			first := r.Chunks[0]
			r.Seen, r.DueUnknown, r.Chunks, r.Done = seen, true, []time.Duration{first, first + 3*time.Second}, first+3*time.Second
			if seen == harness.SeenNone {
				r.Chunks = nil
			}
		})))
	}
	ends := of(harness.SeenEnds)
	assert.InDelta(t, 3, ends.All.Decode, 1e-9)
	assert.Zero(t, ends.All.Stall)
	assert.Zero(t, ends.All.Client, "its lateness is not known")
	assert.Positive(t, of(harness.SeenEach).All.Decode)
	assert.Zero(t, of(harness.SeenNone).All.N)
}

func assertPhases(t *testing.T, want, got diagnose.Phases) {
	t.Helper()
	var w, g map[string]float64
	for of, into := range map[*diagnose.Phases]*map[string]float64{&want: &w, &got: &g} {
		raw, err := json.Marshal(*of)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, into))
	}
	assert.InDeltaMapValues(t, w, g, 1e-6)
}

func BenchmarkExplain(b *testing.B) {
	cases, err := runtest.Read("large", `case a large run
	  requests 100000 every 100ms
	  request all: sent 100ms, headers 150ms, first 1s
	  sample client requests_in_flight              8x10002
	  sample server vllm:num_requests_running       4x10002
	  sample server vllm:num_requests_waiting       0+1x10002
	  sample server vllm:kv_cache_usage_perc        0.3x10002
	  sample server vllm:generation_tokens_total    0+40x10002
	  sample server vllm:prompt_tokens_total        0+160x10002
	  histogram vllm:time_to_first_token_seconds    0+10x10002 of 500ms below 1s
	  histogram vllm:request_queue_time_seconds     0+10x10002 of 600ms below 1s
	  histogram vllm:request_prefill_time_seconds   0+10x10002 of 200ms below 500ms`)
	require.NoError(b, err)
	w := measure.Of(cases[0].Run)
	o, err := slo.Parse("p50 TTFT", "at most 200 ms")
	require.NoError(b, err)
	verdicts := slo.Judge(w, []harness.Objective{o})
	for b.Loop() {
		verdicts[0].Cause = slo.Cause{}
		diagnose.Explain(verdicts, w)
	}
}
