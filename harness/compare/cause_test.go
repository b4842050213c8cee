package compare_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// TestComparison_saysWhatElseDiffers gives both sides figures of what the server told,
// and asks why a row was missed.
func TestComparison_saysWhatElseDiffers(t *testing.T) {
	type figures map[string]float64 // of the one side, and of the other side
	const queue, prefill, decode = "mean queue time", "mean prefill time", "mean decode time"
	for _, c := range []struct {
		row       string
		base, now figures
		because   string
	}{
		{"chat: p50 E2E latency", figures{"chat: mean TTFT": .1, "chat: mean TPOT": .01, "mean TTFT": 1}, figures{"chat: mean TTFT": .3, "chat: mean TPOT": .01, "mean TTFT": 9},
			"first tokens came later: 300 ms on average instead of 100 ms"},
		{"chat: p50 TPOT", figures{decode: 1}, figures{decode: 2}, "answers took longer to decode: 2 s on average instead of 1 s, by the server's own account of all requests"},
		{"p99 E2E latency", figures{"error rate": .0001, decode: 1}, figures{"error rate": .4, decode: 1}, "requests failed: 40 % instead of 0.01 %"},
		{"mean E2E latency", figures{"mean TTFT": .1, "mean TPOT": .01}, figures{"mean TTFT": .1, "mean TPOT": .01},
			"of something that was not seen: one side or both do not tell where the time went in the server"},
		{"mean E2E latency", figures{queue: .1}, figures{queue: .1},
			"of something that was not seen: one side or both do not tell where the time went in the server"},
		{"p99 TTFT", figures{queue: .001, prefill: .02, decode: 1}, figures{queue: .3, prefill: .03, decode: 9},
			"requests waited longer in the server's queue: 300 ms on average instead of 1 ms, by the server's own account"},
		{"p99 TTFT", figures{queue: .01, prefill: .02, "prefix cache hit rate": .6}, figures{queue: .01, prefill: .03, "prefix cache hit rate": .2},
			"prompts took longer to compute: 30 ms on average instead of 20 ms, by the server's own account, with 20 % instead of 60 % of prompt tokens found in its prefix cache"},
		{"p50 TPOT", figures{decode: 1, "total preemptions": 0, "mean running requests": 8}, figures{decode: 1.2, "total preemptions": 40, "mean running requests": 8},
			"answers took longer to decode: 1.2 s on average instead of 1 s, by the server's own account, with 40 instead of 0 preemptions"},
		{"p50 TTFT", figures{queue: .01, prefill: .02}, figures{queue: .01, prefill: .02},
			"of something outside of the server's engine: by its own account nothing took clearly longer, queue time 10 ms instead of 10 ms, prefill time 20 ms instead of 20 ms"},
		{"mean E2E latency", figures{"mean TTFT": .1, "mean TPOT": .01}, figures{"mean TTFT": .4, "mean TPOT": .01},
			"first tokens came later: 400 ms on average instead of 100 ms"},
		{"p50 TTFT", figures{prefill: 1}, figures{},
			"of something that was not seen: one side or both do not tell where the time went in the server"},
		{"max lag", figures{queue: 1}, figures{queue: 2},
			"of something that was not seen: neither the requests nor the server's metrics stand out"},
	} {
		row, err := compare.Parse(c.row, "at most 5% worse")
		require.NoError(t, err)
		several := func(of figures, name string) (values []float64) {
			v, has := of[name]
			for i := range 6 {
				if has {
					values = append(values, v*(1+float64(i)/1e4)) // runs differ a little
				}
			}
			return values
		}
		beside := func(o harness.Objective) (base, now []float64) {
			name := measure.FigureName(o).Name
			return several(c.base, name), several(c.now, name)
		}
		v := compare.Judge([]compare.Row{{Objective: row, Base: []float64{1, 1.01, 1.02, 1.03, 1.04, 1.05}, Now: []float64{2, 2.01, 2.02, 2.03, 2.04, 2.05}, Against: slo.AgainstOther, Beside: beside}})[0]
		assert.Equal(t, slo.Missed, v.Outcome)
		assert.Equal(t, c.because, v.Cause.Reason(), c.row)
		assert.Contains(t, v.Cause.String(), c.row+" was missed because ")
	}
}

// pairedRow are eight pairs of runs of unlike seeds: each is a fifth slower than the
// one of the same seed, and yet the two sides overlap.
func pairedRow(t *testing.T, expectation string) compare.Row {
	t.Helper()
	row, err := compare.Parse("p50 TPOT", expectation)
	require.NoError(t, err)
	c := compare.Row{Objective: row, Against: slo.AgainstBaseline, Paired: true}
	for i := range 8 {
		c.Base = append(c.Base, 1+float64(i)*.2)
		c.Now = append(c.Now, 1.2*c.Base[i]+float64(i)/1e4)
	}
	c.Beside = func(o harness.Objective) (base, now []float64) {
		if o.Metric == "decode time" {
			return c.Base, c.Now
		}
		return nil, nil
	}
	return c
}

func TestPairs_areExplainedByPairs(t *testing.T) {
	v := compare.Judge([]compare.Row{pairedRow(t, "at most 5% worse")})
	require.Equal(t, slo.Missed, v[0].Outcome)
	assert.Equal(t, "answers took longer to decode: 2.04 s on average instead of 1.7 s, by the server's own account", v[0].Cause.Reason())
	slo.Void(v, []slo.Finding{{Text: "the client was late"}}, nil)
	assert.Equal(t, slo.Unknown, v[0].Outcome)
	assert.Empty(t, v[0].Cause, "what is not known was not missed")
}

func TestComparison_tooSmallAnImprovementIsNoFault(t *testing.T) {
	c := pairedRow(t, "at least 30% better")
	assert.Equal(t, "answers took longer to decode: 2.04 s on average instead of 1.7 s, by the server's own account", compare.Judge([]compare.Row{c})[0].Cause.Reason())
	c.Base, c.Now = c.Now, c.Base
	v := compare.Judge([]compare.Row{c})[0]
	require.Equal(t, slo.Missed, v.Outcome)
	assert.Equal(t, "it is not as much better as was asked for, which is no fault", v.Cause.Reason())
}
