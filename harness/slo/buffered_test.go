package slo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
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
