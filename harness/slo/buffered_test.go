package slo_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

func TestStreamsThatCameAtOnce_HaveNoGaps(t *testing.T) {
	atOnce := func(apart time.Duration, share int) *harness.Run { // of ten answers so many
		return runtest.Of(1000, func(i int, r *harness.Record) {
			if r.ReadDelay = 100 * time.Microsecond; i%10 < share {
				for k := range r.Chunks {
					r.Chunks[k] = r.Done - time.Duration(3-k)*apart
				}
			}
		})
	}
	for _, c := range []struct {
		run      *harness.Run
		gaps     slo.Outcome
		comment  string
		metrics  []string
		contains string
	}{
		{atOnce(0, 10), slo.Unknown, "one read at the end", []string{"p50 ITL", "p50 TPOT", "p50 longest gap"}, "100 % of answers came all at once at their end"},
		{atOnce(50*time.Microsecond, 10), slo.Unknown, "in segments, one behind the other", []string{"p50 ITL", "p50 TPOT"}, "proxy_buffering off"},
		{atOnce(0, 2), slo.Unknown, "of one replica of five", []string{"p50 ITL", "p50 TPOT"}, "20 % of answers"},
		{atOnce(0, 1), slo.Met, "a few", []string{"p50 TPOT"}, ""},
		{atOnce(time.Millisecond, 10), slo.Met, "a fast model", []string{"p50 ITL", "p50 TPOT"}, ""},
	} {
		for _, metric := range c.metrics {
			v := judge(t, c.run, metric, "at most 40 ms")
			assert.Equal(t, c.gaps, v.Outcome, "%s: %s %v", c.comment, metric, v.Notes)
			if c.contains != "" {
				assert.Contains(t, v.Notes[0], c.contains)
			}
		}
		assert.Equal(t, slo.Met, judge(t, c.run, "p50 TTFT", "at most 1 s").Outcome, c.comment)
		assert.Equal(t, slo.Met, judge(t, c.run, "error rate", "none").Outcome, c.comment)
	}
}

// gatheredRun is of answers of so many chunks that come so far apart after a wait, from a
// server that takes so long to generate one; 0: its metrics do not tell.
func gatheredRun(chunks int, apart, wait time.Duration, server map[string]float64) *harness.Run {
	run := runtest.Of(200, func(_ int, r *harness.Record) {
		r.Chunks = nil
		for i := range chunks {
			r.Chunks = append(r.Chunks, r.Due+wait+time.Duration(i)*apart)
		}
		r.Done, r.OutputTokens, r.ReadDelay = r.Chunks[chunks-1], chunks, 10*time.Microsecond
	})
	samples := runtest.Server(0, 0)
	for _, name := range slices.Sorted(maps.Keys(server)) {
		samples = append(samples, runtest.Counted(0, name, 9))
	}
	samples = append(samples, runtest.Server(22*time.Second, 200)...)
	for _, name := range slices.Sorted(maps.Keys(server)) {
		samples = append(samples, runtest.Counted(22*time.Second, name, 9+200*server[name]))
	}
	run.Samples = slices.Values(samples)
	return run
}

func TestStreamsThatWereGathered_HaveNoGaps(t *testing.T) {
	const us, ms = time.Microsecond, time.Millisecond
	decode := func(s float64) map[string]float64 {
		return map[string]float64{"vllm:request_decode_time_seconds_sum": s, "vllm:request_decode_time_seconds_count": 1}
	}
	gaps := func(s float64) map[string]float64 {
		return map[string]float64{"vllm:inter_token_latency_seconds_sum": s}
	}
	for name, c := range map[string]struct {
		run     *harness.Run
		gaps    slo.Outcome
		remarks int
	}{
		"by a proxy that imitates a stream":         {gatheredRun(32, 300*us, 330*ms, decode(.31)), slo.Unknown, 0},
		"the server tells the gaps only":            {gatheredRun(32, 300*us, 330*ms, gaps(.31)), slo.Unknown, 0},
		"in less haste":                             {gatheredRun(32, 2*ms, 330*ms, decode(.31)), slo.Unknown, 0},
		"the server does not tell":                  {gatheredRun(32, 300*us, 330*ms, nil), slo.Met, 1},
		"a small model after a long queue":          {gatheredRun(32, 300*us, 5*time.Second, decode(.0093)), slo.Met, 0},
		"a small model that does not tell":          {gatheredRun(32, 300*us, 20*ms, nil), slo.Met, 0},
		"several tokens in a chunk":                 {gatheredRun(8, 40*ms, 330*ms, decode(.31)), slo.Met, 0},
		"chunks that are a part of a token":         {gatheredRun(64, 5*ms, 330*ms, decode(.31)), slo.Met, 0},
		"several choices, of which each is counted": {gatheredRun(64, 5*ms, 330*ms, gaps(.31)), slo.Met, 0},
		"short answers whose first piece was late":  {gatheredRun(4, 1*ms, 30*ms, decode(.015)), slo.Met, 0},
	} {
		for _, row := range []string{"p50 ITL", "p50 TPOT"} {
			v := judge(t, c.run, row, "at most 60 ms")
			assert.Equal(t, c.gaps, v.Outcome, "%s: %s %v", name, row, v.Notes)
			if c.gaps == slo.Unknown {
				assert.Contains(t, v.Notes[0], "310 ms to be generated, as the server's metrics tell: something in between gathers answers", name)
			}
		}
		assert.Equal(t, slo.Met, judge(t, c.run, "p50 TTFT", "at most 9 s").Outcome, name)
		assert.Len(t, slo.Remarks(measure.Of(c.run)), c.remarks, name)
	}
}

func TestChunksThatCameInClumps_HaveNoITL(t *testing.T) {
	clumps := func(delay time.Duration) *harness.Run { // of four chunks, two and two
		return runtest.Of(1000, func(_ int, r *harness.Record) {
			r.Chunks = append(append([]time.Duration{r.Chunks[0]}, r.Chunks[0], r.Chunks[0]), r.Chunks[3])
			r.ReadDelay = delay
		})
	}
	v := judge(t, clumps(time.Millisecond), "p50 ITL", "at most 40 ms")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "66.7 % of chunks after the first came together with the one before")
}
