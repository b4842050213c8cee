package trials_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// growing is a run of 2,000 requests, ten per second, each of which takes longer than
// the one before; the client is late by a share of it.
func growing(late float64) *slo.Window {
	var records []harness.Record
	for i := range 2000 {
		due, took := time.Duration(i)*100*time.Millisecond, time.Duration(i)*10*time.Millisecond
		r := harness.NewRecord(i, due)
		r.Sent = due + time.Duration(late*float64(took))
		r.Headers, r.Chunks, r.Done = r.Sent, []time.Duration{due + took}, due+took
		r.Finish, r.OutputTokens, r.PromptTokens, r.Good = "stop", 1, 16, true
		records = append(records, r)
	}
	return slo.Measure(&harness.Run{To: 200 * time.Second, Length: 220 * time.Second, Requests: len(records), Records: slices.Values(records),
		Samples:  func(func(harness.Sample) bool) {},
		Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: 200 * time.Second}}})
}

func TestABacklogOfOurClientIsNotTheServersCapacity(t *testing.T) {
	o, err := slo.Parse("p50 TTFT", "at most 60 s")
	require.NoError(t, err)
	rows := []harness.Objective{o}
	server := trials.NewProbe(10, []*slo.Window{growing(0)}, rows)
	assert.Equal(t, slo.Missed, server.Outcome)
	assert.Contains(t, server.Decides, "the backlog grew from")
	ours := trials.NewProbe(10, []*slo.Window{growing(.9)}, rows)
	assert.Equal(t, slo.Unknown, ours.Outcome)
	assert.True(t, ours.Futile, "more such runs would tell no more")
	assert.Contains(t, ours.Why, "the client was late")
}
