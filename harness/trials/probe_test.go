package trials_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// growing is a run of 2,000 requests, ten per second, each of which takes longer than
// the one before; the client is late by a share of it.
func growing(late float64) *measure.Window {
	var records []harness.Record
	for i := range 2000 {
		due, took := time.Duration(i)*100*time.Millisecond, time.Duration(i)*10*time.Millisecond
		r := harness.NewRecord(i, due)
		r.Sent = due + time.Duration(late*float64(took))
		r.Headers, r.Chunks, r.Done = r.Sent, []time.Duration{due + took}, due+took
		r.Finish, r.OutputTokens, r.PromptTokens, r.Good = "stop", 1, 16, true
		records = append(records, r)
	}
	return measure.Of(&harness.Run{To: 200 * time.Second, Length: 220 * time.Second, Requests: len(records), Records: slices.Values(records),
		Samples:  func(func(harness.Sample) bool) {},
		Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: 200 * time.Second}}})
}

// However many runs of a probe there are: what the client's lateness decides is not the
// server's.
func TestAProbeOfManyRuns_IsNotDecidedByOurClient(t *testing.T) {
	late := func() *measure.Window {
		var records []harness.Record
		for i := range 2000 {
			due := time.Duration(i) * 100 * time.Millisecond
			r := harness.NewRecord(i, due)
			r.Sent = due
			if i%3 != 0 {
				r.Sent += time.Second
			}
			first := r.Sent + 100*time.Millisecond + time.Duration(i%11)*time.Millisecond
			r.Headers, r.Chunks, r.Done = r.Sent, []time.Duration{first, first + 30*time.Second}, first+30*time.Second
			r.Finish, r.OutputTokens, r.PromptTokens, r.Good = "stop", 2, 16, true
			records = append(records, r)
		}
		return measure.Of(&harness.Run{To: 200 * time.Second, Length: 240 * time.Second, Requests: len(records), Records: slices.Values(records),
			Samples: func(func(harness.Sample) bool) {}})
	}
	o, err := slo.Parse("p50 TTFT", "at most 500 ms")
	require.NoError(t, err)
	for _, n := range []int{1, 3, 4, 6} {
		var runs []*measure.Window
		for range n {
			runs = append(runs, late())
		}
		p := trials.NewProbe(10, runs, []harness.Objective{o})
		assert.Equal(t, slo.Unknown, p.Outcome, "%d runs: %s", n, p.Decides)
		assert.Contains(t, p.Why, "the client's own lateness decides")
	}
}

func TestProbe_backlogOfTheClientIsNotTheServersCapacity(t *testing.T) {
	o, err := slo.Parse("p50 TTFT", "at most 60 s")
	require.NoError(t, err)
	rows := []harness.Objective{o}
	server := trials.NewProbe(10, []*measure.Window{growing(0)}, rows)
	assert.Equal(t, slo.Missed, server.Outcome)
	assert.Contains(t, server.Decides, "the backlog grew from")
	ours := trials.NewProbe(10, []*measure.Window{growing(.9)}, rows)
	assert.Equal(t, slo.Unknown, ours.Outcome)
	assert.True(t, ours.Futile, "more such runs would tell no more")
	assert.Contains(t, ours.Why, "the client was late")
}
