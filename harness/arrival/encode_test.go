package arrival_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

// again is an arrival process written down and read back, and what was written.
func again(t *testing.T, a arrival.Arrivals) (arrival.Arrivals, string) {
	t.Helper()
	raw, err := arrival.Encode(a)
	require.NoError(t, err)
	back, err := arrival.Decode(raw)
	require.NoError(t, err)
	rewritten, err := arrival.Encode(back)
	require.NoError(t, err)
	assert.JSONEq(t, string(raw), string(rewritten))
	return back, string(raw)
}

func steady(a arrival.Arrivals) bool {
	s, ok := a.(interface{ Steady() bool })
	return ok && s.Steady()
}

func TestProcesses_readBackToTheSameValue(t *testing.T) {
	stages := []arrival.Stage{{For: time.Minute, From: 4, To: 4}, {For: 90 * time.Second, From: 4, To: 0.1}}
	for _, process := range []arrival.Arrivals{
		arrival.Poisson{PerSecond: 8}, arrival.Poisson{PerSecond: 0.1 + 0.2}, arrival.Even{PerSecond: 3}, arrival.Bursty{PerSecond: 7.3, CV: 2.5}, arrival.AtOnce{},
		arrival.Staged{Stages: stages}, arrival.Staged{Process: arrival.Bursty{CV: 3}, Stages: stages},
		arrival.Swinging{Low: 2, High: 18, Period: time.Hour}, arrival.Swinging{Process: arrival.Even{}, High: 1, Period: time.Minute},
	} {
		back, _ := again(t, process)
		assert.Equal(t, process, back)
		draw := func(a arrival.Arrivals) []time.Duration { return take(20, a.Times(rand.New(rand.NewPCG(1, 2)))) }
		assert.Equal(t, draw(process), draw(back), "%v", process)
	}
	_, raw := again(t, arrival.Poisson{PerSecond: 8})
	assert.JSONEq(t, `{"kind": "poisson", "per_second": 8}`, raw)
}

func TestHeldUp_readsBackAsItDescribesItself(t *testing.T) {
	held := arrival.HeldUp{Arrivals: arrival.Even{PerSecond: 3}, For: 5 * time.Second, After: time.Minute}
	back, _ := again(t, held)
	assert.Equal(t, arrival.Other{Says: held.String(), PerSecond: 3}, back)
	assert.Equal(t, steady(held), steady(back))
}

func TestTrace_keepsWhatDescribesIt(t *testing.T) {
	trace := arrival.Listed{Name: "azure", Instants: []time.Duration{time.Second, 2 * time.Second, 6 * time.Second}}
	for _, a := range []arrival.Arrivals{trace, trace.At(1.6), arrival.Listed{Name: "empty"}, arrival.Listed{Name: "one", Instants: []time.Duration{5}}} {
		back, _ := again(t, a)
		assert.Equal(t, fmt.Sprint(a), fmt.Sprint(back))
		assert.Equal(t, a.Rate(), back.Rate())
		assert.False(t, steady(back))
		assert.Empty(t, take(1, back.Times(nil)))
	}
	summary := trace.Summary()
	assert.Equal(t, []any{3, time.Second, 6 * time.Second}, []any{summary.Count, summary.First, summary.Last})
	other := arrival.Listed{Name: "azure", Instants: []time.Duration{time.Second, 3 * time.Second, 6 * time.Second}}
	assert.NotEqual(t, summary.SHA256, other.Summary().SHA256, "instants that differ have another hash")
}

// metronome is an arrival process of another package.
type metronome struct{ steady bool }

func (metronome) Times(*rand.Rand) iter.Seq[time.Duration] { return nil }
func (metronome) Rate() float64                            { return 2 }
func (m metronome) Steady() bool                           { return m.steady }
func (metronome) String() string                           { return "tick, tock" }

func TestOtherProcess_isStoredAsItDescribesItself(t *testing.T) {
	for _, m := range []metronome{{true}, {false}} {
		back, _ := again(t, m)
		assert.Equal(t, "tick, tock", fmt.Sprint(back))
		assert.Equal(t, 2.0, back.Rate())
		assert.Equal(t, m.steady, steady(back))
	}
}

func TestSteadiness_survivesStoring(t *testing.T) {
	for process, want := range map[arrival.Arrivals]bool{arrival.Poisson{PerSecond: 1}: true, arrival.Even{PerSecond: 1}: true, arrival.Bursty{PerSecond: 1, CV: 2}: true,
		arrival.AtOnce{}: false, arrival.Swinging{High: 1, Period: 1}: false} {
		back, _ := again(t, process)
		assert.Equal(t, want, steady(back), "%v", process)
	}
}

func TestDecode_refusesWhatItDoesNotKnow(t *testing.T) {
	for _, raw := range []string{`{"kind":"tidal"}`, `{"kind":"staged"}`, `{"kind":"trace"}`, `{"kind":"other"}`, `{}`, `[]`,
		`{"kind":"swinging","process":{"kind":"at once"},"high_per_second":1,"period_ns":1}`, `{"kind":"swinging","process":{"kind":"tidal"}}`} {
		_, err := arrival.Decode(json.RawMessage(raw))
		assert.ErrorContains(t, err, "arrivals", raw)
	}
}
