package slo_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// beginning is a run of 2,000 requests, ten per second, of which the first 200 take
// so long and the others 200 ms on average.
func beginning(first time.Duration) *harness.Run {
	r := rand.New(rand.NewPCG(1, 1))
	var records []harness.Record
	for i := range 2000 {
		ttft := 150*time.Millisecond + time.Duration(r.Int64N(int64(100*time.Millisecond)))
		if i < 200 {
			ttft = first + time.Duration(r.Int64N(int64(10*time.Millisecond)))
		}
		records = append(records, runtest.Request(i, time.Duration(i)*100*time.Millisecond, ttft))
	}
	return &harness.Run{To: 200 * second, Length: 201 * second, Requests: 2000, Records: slices.Values(records),
		Samples:  func(func(harness.Sample) bool) {},
		Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: 200 * second}}}
}

func TestSettle_leavesOutABeginningThatFlatters(t *testing.T) {
	run := beginning(20 * time.Millisecond)
	note := measure.DetectWarmup(run)
	assert.InDelta(t, 20, run.From.Seconds(), 1)
	assert.Contains(t, note, "the first 20 seconds are not judged")
	assert.Equal(t, 1800, judge(t, run, "p50 TTFT", "at most 1 s").N)
}

func TestSettle_stallAtTheBeginningIsNoWarmUp(t *testing.T) {
	run := beginning(5 * second)
	assert.Empty(t, measure.DetectWarmup(run))
	assert.Zero(t, run.From)
}

func TestSettle_evenRunHasNoWarmUp(t *testing.T) {
	run := beginning(195 * time.Millisecond)
	measure.DetectWarmup(run)
	assert.LessOrEqual(t, run.From, 25*second)
	run.From = 0
	run.Scenario.Load = harness.Open{Arrivals: arrival.AtOnce{}}
	assert.Empty(t, measure.DetectWarmup(run), "a load that is never steady has no beginning of its own")
}

// overloaded is a run whose requests take longer and longer.
func overloaded() *harness.Run {
	run := beginning(200 * time.Millisecond)
	var records []harness.Record
	for i := range 2000 {
		records = append(records, runtest.Request(i, time.Duration(i)*100*time.Millisecond, time.Duration(i)*10*time.Millisecond))
	}
	run.Records = slices.Values(records)
	return run
}

func TestSaturated_backlogThatOnlyGrows(t *testing.T) {
	w := measure.Of(overloaded())
	assert.Contains(t, w.Saturated(), "the backlog grew from")
	v := judge(t, overloaded(), "p50 TTFT", "at most 1 s")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Equal(t, slo.Missed, v.Lasting)
	v = judge(t, overloaded(), "p50 TTFT", "at most 60 s")
	assert.Equal(t, slo.Unknown, v.Outcome, "a longer run would have taken longer")
	assert.Empty(t, measure.Of(beginning(200*time.Millisecond)).Saturated())
}

// A queue that many stood in is one event for the statistics of any run; that they
// waited is a fact all the same.
func TestJudge_stallIsMissedInThisRun(t *testing.T) {
	run := beginning(5 * second)
	v := judge(t, run, "p95 TTFT", "at most 1 s")
	assert.Equal(t, slo.Missed, v.Outcome)
	assert.Equal(t, slo.Unknown, v.Lasting)
	assert.Contains(t, v.Notes[len(v.Notes)-1], "so it was in this run")
	assert.Less(t, v.Any[0], 1.0)
}
