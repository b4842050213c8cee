package slo_test

import (
	"fmt"
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

// A chunk is no token where the server's count has shown as much.
func TestChunks_AreNoTokensWhereTheCountIsBelowThem(t *testing.T) {
	run := runtest.Of(1000, func(_ int, r *harness.Record) {
		r.RequestedOutputTokens, r.OutputTokens, r.CountFault = 2, harness.Unreported, harness.CountBelowChunks // of four chunks
	})
	assert.Equal(t, slo.Met, judge(t, run, "p50 TTFT", "at most 10 s").Outcome)
	assert.Equal(t, slo.Unknown, judge(t, run, "mean output tokens", "at least 1").Outcome)
}

func TestSettling_LeavesNoFailureOut(t *testing.T) {
	busier := func(fails int) *harness.Run {
		var records []harness.Record
		for i := range 4000 {
			took := 100 * time.Millisecond
			if i < 500 {
				took = 20 * time.Millisecond
			}
			r := runtest.Request(i, time.Duration(i)*50*time.Millisecond, took+time.Duration(i%7)*time.Millisecond)
			if i == fails {
				r = runtest.Failed(r)
			}
			records = append(records, r)
		}
		return &harness.Run{To: 200 * time.Second, Length: 201 * time.Second, Requests: 4000, Records: slices.Values(records), Samples: slices.Values([]harness.Sample(nil))}
	}
	require.NotEmpty(t, measure.DetectWarmup(busier(-1)))
	assert.Empty(t, measure.DetectWarmup(busier(100)))
	assert.NotEmpty(t, measure.DetectWarmup(busier(3000)), "it is judged anyway")
}

func BenchmarkLateness(b *testing.B) {
	run := runtest.Of(100_000, func(i int, r *harness.Record) {
		*r = runtest.Request(r.Seq, r.Due, time.Second)
		r.Sent += time.Duration(1+i%1000) * time.Microsecond
	})
	for b.Loop() {
		if n := measure.Of(run).Conversations(); n == 0 {
			b.Fatal(fmt.Sprint(n))
		}
	}
}
