package harness_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// patiently runs a load on a server whose answers take so long.
func patiently(t *testing.T, r harness.Runner, load harness.Load, takes time.Duration) (failures map[harness.Failure]int, out *harness.Run) {
	t.Helper()
	failures = map[harness.Failure]int{}
	synctest.Test(t, func(t *testing.T) {
		r.Client = answer{first: takes, chunks: 1}
		var err error
		out, err = r.Run(t.Context(), harness.Scenario{Dataset: echo{}, Load: load})
		require.NoError(t, err)
		for record := range out.Records {
			failures[record.Failure]++
		}
	})
	return failures, out
}

func TestPatience_isAsLongAsAnswersMayTake(t *testing.T) {
	byTime := harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 3 * time.Second}
	batch := harness.Open{Arrivals: arrival.AtOnce{}, Requests: 40, InFlight: 4}
	users := harness.Closed{Users: 2, Requests: 6}
	for name, test := range map[string]struct {
		runner harness.Runner
		load   harness.Load
		takes  time.Duration
		want   map[harness.Failure]int
	}{
		"a load by time":                   {harness.Runner{}, byTime, 9 * time.Minute, map[harness.Failure]int{"": 3}},
		"too long":                         {harness.Runner{}, byTime, 11 * time.Minute, map[harness.Failure]int{harness.Timeout: 3}},
		"as the scenario says":             {harness.Runner{Timeout: 21 * time.Minute}, byTime, 20 * time.Minute, map[harness.Failure]int{"": 3}},
		"no longer than the scenario says": {harness.Runner{Grace: 5 * time.Minute}, byTime, 6 * time.Minute, map[harness.Failure]int{harness.Unanswered: 3}},
		"a batch that waits for slots":     {harness.Runner{}, batch, 20 * time.Minute, map[harness.Failure]int{"": 40}},
		"a batch, and one minute":          {harness.Runner{Grace: time.Minute}, batch, 2 * time.Minute, map[harness.Failure]int{harness.Unanswered: 40}},
		"users":                            {harness.Runner{}, users, 25 * time.Minute, map[harness.Failure]int{"": 6}},
	} {
		t.Run(name, func(t *testing.T) {
			failures, out := patiently(t, test.runner, test.load, test.takes)
			assert.Equal(t, test.want, failures)
			assert.Nil(t, out.Shortfall)
			assert.Empty(t, out.Warnings)
		})
	}
}

func TestRunner_endsByItsDeadlineAndKeepsWhatItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.AtOnce{}, Requests: 40, InFlight: 4}}
		r := harness.Runner{Client: answer{first: time.Minute, chunks: 1}, Deadline: time.Now().Add(150 * time.Second)}
		out, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		records := slices.Collect(out.Records)
		require.Len(t, records, 40)
		assert.Equal(t, 150*time.Second, out.Length)
		answered := 0
		for _, record := range records {
			if record.OK() {
				answered++
			} else {
				assert.True(t, record.Cut(), record.Failure)
			}
		}
		assert.Equal(t, 8, answered)
		require.Len(t, out.Warnings, 1)
		assert.Contains(t, out.Warnings[0].Text, "the run's time was over after 2m30s")
	})
}

// TestShortfall_ofALoadThatItsDeadlineCuts has users who would ask on.
func TestShortfall_ofALoadThatItsDeadlineCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Closed{Users: 2, Requests: 100}}
		r := harness.Runner{Client: answer{first: time.Minute, chunks: 1}, Deadline: time.Now().Add(150 * time.Second)}
		out, err := r.Run(t.Context(), s)
		require.NoError(t, err)
		require.NotNil(t, out.Shortfall)
		assert.Equal(t, harness.OutOfTime, out.Shortfall.Cause)
		assert.Equal(t, 6, out.Shortfall.Issued)
		assert.Equal(t, 100, out.Shortfall.Asked)
	})
}
