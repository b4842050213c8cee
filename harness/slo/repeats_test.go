package slo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// preempting is a run after so many preemptions, with one more in its warm-up and as
// many as told inside its window.
func preempting(before, inside float64) *measure.Window {
	run := runtest.Of(1000, nil)
	run.From = 20 * second
	var samples []harness.Sample
	for at := time.Duration(0); at <= run.To; at += second {
		v := before
		if at >= 10*second {
			v++
		}
		if at >= 50*second {
			v += inside
		}
		samples = append(samples, harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: "vllm:num_preemptions_total", Value: v}},
			harness.Sample{At: at, Reading: harness.Reading{Source: "server", Series: "vllm:kv_cache_usage_perc", Value: .5}},
			harness.Sample{At: at, Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight, Value: 8}})
	}
	run.Samples = slices.Values(samples)
	return measure.Of(run)
}

func together(t *testing.T, subject, expectation string, windows ...*measure.Window) slo.Verdict {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return slo.Together(windows).Judge([]harness.Objective{o})[0]
}

// What a server did between two runs, and in their warm-ups, belongs to neither.
func TestRepeats_countWhatWasInTheirWindows(t *testing.T) {
	v := together(t, "total preemptions", "none", preempting(0, 0), preempting(100, 0), preempting(900, 0))
	assert.Equal(t, slo.Met, v.Outcome, v.Notes)
	v = together(t, "total preemptions", "none", preempting(0, 2), preempting(100, 3))
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Equal(t, 5.0, v.Value)
	assert.Equal(t, slo.Met, together(t, "mean KV cache usage", "at most 50%", preempting(0, 0), preempting(0, 0)).Outcome)
}

func TestRepeats_haveThroughputsOfTheirOwn(t *testing.T) {
	one := measure.Of(runtest.Of(1000, nil))
	alone := together(t, "output throughput", "at least 1 tokens per second", one)
	v := together(t, "output throughput", "at least 1 tokens per second", one, one, one)
	assert.InEpsilon(t, alone.Value, v.Value, 1e-9)
	assert.Equal(t, 3000, v.N)
}

func TestRepeats_oneSaturatedRunSaturatesAll(t *testing.T) {
	w := measure.Of(overloaded())
	v := together(t, "p50 TTFT", "at most 60 s", w, w)
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[len(v.Notes)-1], "the backlog grew")
}
