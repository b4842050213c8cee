package past_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/past"
)

// stored is a scenario, and a history with these runs, one a minute.
func stored(t *testing.T, runs ...history.Run) past.Scenario {
	t.Helper()
	h, err := history.InMemory(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	for i, run := range runs {
		run.ID, run.Start = fmt.Sprint(i), time.Date(2026, 12, 1, 12, i, 0, 0, time.UTC)
		if run.Name == "" {
			run.Name = "run=" + run.Start.Format("20060102T150405Z") + "-chat"
		}
		run.Feature, run.Scenario, run.Target = "Assistants", "Chat", "vllm"
		if run.Labels == nil {
			run.Labels = like()
		}
		if run.Figures == nil {
			run.Figures = [][]history.Figure{{{Name: "p99-TTFT-sec", Value: float64(i)}}}
		}
		require.NoError(t, h.Put(context.Background(), &run))
	}
	return past.Scenario{Name: "Chat", Identity: history.Identity{Feature: "Assistants", Scenario: "Chat", Target: "vllm"}, Labels: like(),
		Ask: func(q history.Query) ([]*history.Run, error) { return h.Runs(context.Background(), q) }}
}

func like() map[string]string { return map[string]string{"model": "llama", "gpu": "H100"} }

// values are the figures of what was found, the newest first.
func values(r past.Runs) (all []float64) {
	if r.Base == nil {
		return nil
	}
	for _, l := range r.Base.Lines() {
		all = append(all, l.Values["p99-TTFT-sec"])
	}
	return all
}

func TestStored_isARunThatCameToItsEnd(t *testing.T) {
	of := stored(t, history.Run{}, history.Run{Stopped: "interrupted"}, history.Run{Name: "run=20261201T120200Z-chat-100"})
	r, err := past.Stored{Name: "chat"}.Find(of)
	require.NoError(t, err)
	assert.Equal(t, []float64{0}, values(r))
	_, err = past.Stored{Name: "run=20261201T120100Z-chat"}.Find(of)
	assert.EqualError(t, err, `the run "run=20261201T120100Z-chat" was stopped early (interrupted), and nothing is compared with it; vllmspec history list names the stored ones`)
	for _, name := range []string{"cha_", "%", "CHAT", "c%", "100"} {
		_, err = past.Stored{Name: name}.Find(of)
		assert.ErrorContains(t, err, "there is no run", name)
	}
	_, err = past.Stored{}.Find(of)
	assert.ErrorContains(t, err, "no run has an empty name")
}

func TestLast_findsRunsFromBeforeTheTag(t *testing.T) {
	of := stored(t, history.Run{})
	of.Identity.Tag = "everyday"
	r, err := past.Last{Runs: 10}.Find(of)
	require.NoError(t, err)
	assert.Equal(t, []float64{0}, values(r))
}

func TestLast_areThoseThatAreAlike(t *testing.T) {
	others := []history.Run{{Labels: map[string]string{"model": "llama", "gpu": "H200"}}, {Labels: map[string]string{"model": "llama"}},
		{Labels: map[string]string{"model": "llama", "gpu": "H100", "unsound": "the client was late"}}, {Figures: [][]history.Figure{{}}}}
	remark := like()
	remark["note-by"] = "me"
	of := stored(t, append([]history.Run{{}, {Labels: remark}, {}}, others...)...)
	r, err := past.Last{Runs: 2}.Find(of)
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 1}, values(r), "the newer ones are unlike, or have no figures")
	assert.Empty(t, r.Base.Unlike(like()))

	r, err = past.Last{Runs: 2}.Find(stored(t, others...))
	require.NoError(t, err)
	require.Equal(t, []float64{2}, values(r), "the newest unlike one says what differs")
	assert.NotEmpty(t, r.Base.Unlike(like()))
	r, err = past.Last{Runs: 2}.Find(stored(t))
	require.NoError(t, err)
	assert.Nil(t, r.Base)
}
