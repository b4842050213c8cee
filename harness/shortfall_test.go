package harness_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// finite is a dataset of so many conversations, which ends in an error where there is one.
type finite struct {
	of  int
	err error
}

func (d finite) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for range d.of {
			if !yield(harness.Conversation{Turns: []harness.Prompt{{Text: "a"}}}) {
				return
			}
		}
		if d.err != nil {
			yield(harness.Conversation{Err: d.err})
		}
	}, nil
}

func everySecond(n int) (out []time.Duration) {
	for i := range n {
		out = append(out, time.Duration(i)*time.Second)
	}
	return out
}

func TestShortfall_isAFactOfTheRun(t *testing.T) {
	trace := arrival.Listed{Name: "short", Instants: everySecond(12)}
	stages := func(last arrival.Stage) arrival.Staged {
		return arrival.Staged{Process: arrival.Even{}, Stages: []arrival.Stage{{For: 10 * time.Second, From: 2, To: 2}, last}}
	}
	off := stages(arrival.Stage{For: 10 * time.Second})
	down := stages(arrival.Stage{For: 10 * time.Second, From: 2})
	broken := errors.New("prompts.jsonl: the file has changed since it was checked")
	plenty := finite{of: 1000}
	turn := harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "a"}}}
	threeTurns := talk{harness.Conversation{Turns: []harness.Prompt{turn, turn, turn}}}
	for name, c := range map[string]struct {
		load    harness.Load
		dataset harness.Dataset
		want    *harness.Shortfall
	}{
		"a trace, by count":              {harness.Open{Arrivals: trace, Requests: 1000}, plenty, &harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 12, Asked: 1000, Lasted: 11*time.Second + 1}},
		"a trace, by time":               {harness.Open{Arrivals: trace, For: 10 * time.Minute}, plenty, &harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 12, Lasted: 11*time.Second + 1, For: 10 * time.Minute}},
		"a trace to its last pause":      {harness.Open{Arrivals: trace, For: 12 * time.Second}, plenty, nil},
		"all of a trace":                 {harness.Open{Arrivals: trace, Requests: 12}, plenty, nil},
		"stages that go to zero, count":  {harness.Open{Arrivals: down, Requests: 1000}, plenty, &harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 31, Asked: 1000, Lasted: 0}},
		"stages that go to zero, time":   {harness.Open{Arrivals: off, For: time.Minute}, plenty, &harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 21, Lasted: 0, For: time.Minute}},
		"silence that the stages say":    {harness.Open{Arrivals: off, For: 20 * time.Second}, plenty, nil},
		"stages that go on":              {harness.Open{Arrivals: stages(arrival.Stage{For: time.Second, From: 1, To: 1}), For: time.Minute}, plenty, nil},
		"a dataset that ends":            {harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: time.Minute}, finite{of: 5}, &harness.Shortfall{Cause: harness.DatasetEnded, Issued: 5, For: time.Minute}},
		"a file that breaks":             {harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 60}, finite{5, broken}, &harness.Shortfall{Cause: harness.DatasetFailed, Issued: 5, Asked: 60, Error: broken.Error()}},
		"a file that breaks, users":      {harness.Closed{Users: 3, For: time.Minute}, finite{5, broken}, &harness.Shortfall{Cause: harness.DatasetFailed, Issued: 15, For: time.Minute, Users: 3, Error: broken.Error()}},
		"users, by count":                {harness.Closed{Users: 3, Requests: 30}, finite{of: 5}, &harness.Shortfall{Cause: harness.DatasetEnded, Issued: 15, Asked: 30, Users: 3}},
		"turns make up for it":           {harness.Open{Arrivals: arrival.Listed{Instants: everySecond(4)}, Requests: 10}, threeTurns, nil},
		"users who have asked their all": {harness.Closed{Users: 3, Requests: 15}, finite{of: 5}, nil},
		"users, as long as they asked":   {harness.Closed{Users: 3, For: 5 * time.Second}, finite{5, broken}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out, err := harness.Runner{Client: answer{first: time.Second, chunks: 1}}.Run(t.Context(), harness.Scenario{Dataset: c.dataset, Load: c.load})
				require.NoError(t, err)
				if c.want == nil {
					assert.Nil(t, out.Shortfall)
					assert.Empty(t, out.Warnings)
					return
				}
				require.NotNil(t, out.Shortfall)
				got := *out.Shortfall
				assert.NotEqual(t, got.Cause == harness.ArrivalsEnded, got.Process == "", "what ended is named")
				got.Process = ""
				if c.want.Lasted == 0 {
					c.want.Lasted = out.To
				}
				assert.Equal(t, *c.want, got)
			})
		})
	}
}

func TestShortfall_notOfSilentStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stages := arrival.Staged{Stages: []arrival.Stage{{For: 10 * time.Second, From: 2, To: 2}, {For: 10 * time.Second}}}
		out, _ := run(t, answer{first: time.Second, chunks: 1}, harness.Scenario{Load: harness.Open{Arrivals: stages, For: 20 * time.Second}})
		assert.Equal(t, 20*time.Second, out.To)
	})
}

func TestShortfall_isForeseen(t *testing.T) {
	trace := arrival.Listed{Name: "short", Instants: everySecond(12)}
	s := harness.Open{Arrivals: trace, Requests: 1000}.Foreseen(false)
	require.NotNil(t, s)
	assert.Equal(t, harness.Shortfall{Cause: harness.ArrivalsEnded, Issued: 12, Asked: 1000, Lasted: 12 * time.Second, Process: `as in the trace "short"`, Ahead: true}, *s)
	assert.Nil(t, harness.Open{Arrivals: trace, Requests: 1000}.Foreseen(true), "later turns may be as many")
	assert.Nil(t, harness.Open{Arrivals: trace, Requests: 12}.Foreseen(false))
	trace.Speed = 2
	assert.Equal(t, 6*time.Second, harness.Open{Arrivals: trace, For: 10 * time.Second}.Foreseen(true).Lasted)
	assert.Nil(t, harness.Open{Arrivals: arrival.Poisson{PerSecond: 1}, For: time.Hour}.Foreseen(false))
}

func TestShortfall_countedLoadWaitsForItsAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, load := range []harness.Load{harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 3}, harness.Closed{Users: 3, Requests: 3}} {
			_, records := run(t, answer{first: 8 * time.Minute, chunks: 1}, harness.Scenario{Load: load})
			for _, r := range records {
				assert.True(t, r.OK(), "%s: %s", r.Failure, r.Error)
			}
			_, records = run(t, answer{first: time.Hour, chunks: 1}, harness.Scenario{Load: load})
			for _, r := range records {
				assert.Equal(t, harness.Timeout, r.Failure)
				assert.True(t, r.Failed())
			}
		}
	})
}
