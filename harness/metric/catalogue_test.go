package metric

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

func TestMetrics_doNotContradictThemselves(t *testing.T) {
	var names []string
	for _, m := range Metrics() {
		require.NoError(t, Check(m))
		assert.NotContains(t, names, strings.ToLower(m.Name))
		names = append(names, strings.ToLower(m.Name))
	}
	assert.Greater(t, len(names), 80)
}

func TestMetrics_thatContradictThemselvesAreRefused(t *testing.T) {
	row := func(unit quantity.Unit, formula string, source Source) Metric {
		return Metric{Name: "made up", Unit: unit, Better: LowerIsBetter, Formula: formula, Source: source}
	}
	const sec = quantity.Seconds
	for says, m := range map[string]Metric{
		"has no source": row(sec, "it is what it is", nil),
		"counts from when a request was due, and its formula does not":  row(sec, "end of the answer − sent", Latency{From: DueAt, To: DoneAt}),
		"counts from when a request was sent, and its formula does not": row(sec, "end of the answer − due", Latency{From: SentAt, To: DoneAt}),
		"ends before it begins":                     row(sec, "due − end of the answer", Latency{From: DoneAt, To: DueAt}),
		"divided by tokens, and its formula is not": row(sec, "end of the answer − due", Latency{From: DueAt, To: DoneAt, Per: OutputToken}),
		"divided by tokens, and its source is not":  row(sec, "(end of the answer − due) ÷ output tokens", Latency{From: DueAt, To: DoneAt}),
		"is known at its end":                       row(sec, "(first content − due) ÷ output tokens", Latency{From: DueAt, To: FirstChunk, Per: OutputToken}),
		"the first token belongs":                   row(sec, "(end of the answer − due) ÷ output tokens after the first", Latency{From: DueAt, To: DoneAt, Per: LaterToken}),
		`its source is in "s"`:                      row(quantity.Tokens, "end of the answer − due", Latency{From: DueAt, To: DoneAt}),
		"it counts nothing":                         row(quantity.Count, "requests", Total{}),
		"by the second, or its unit is":             row(quantity.Count, "requests by the second", Total{Of: Due, PerSecond: true}),
		"no time of a request":                      row(sec, "sent − due", OwnTime{}),
		"no count of a request":                     row(quantity.Tokens, "tokens", RequestCount{ByServer: true}),
		"why it may be absent":                      row(quantity.Count, "queue", Gauge{Feed: Client, Series: "queue"}),
		"a row has a name, a unit and a formula":    row(sec, "", Gap{}),
	} {
		assert.ErrorContains(t, Check(m), says)
	}
}

// TestLatency_lateness holds what a row could once say wrongly: whether the client's lateness is
// part of a metric follows from the instant that it begins with, and it is taken off before the
// time is divided.
func TestLatency_lateness(t *testing.T) {
	r := harness.NewRecord(0, 0)
	r.Sent, r.Chunks, r.Done, r.OutputTokens = time.Second, []time.Duration{2 * time.Second, 4 * time.Second}, 5*time.Second, 10
	early := r
	early.Due = time.Second
	for l, want := range map[Latency][2]float64{
		{From: DueAt, To: DoneAt}:                           {5, 4},
		{From: DueAt, To: DoneAt, Per: OutputToken}:         {.5, .4},
		{From: DueAt, To: FirstChunk}:                       {2, 1},
		{From: SentAt, To: DoneAt}:                          {4, 4},
		{From: FirstChunk, To: LastChunk, Per: LaterToken}:  {2. / 9, 2. / 9},
		{From: FirstChunk, To: LastChunk, Per: OutputToken}: {.2, .2},
	} {
		for i, of := range []*harness.Record{&r, &early} {
			value, has := l.Value(of)
			assert.True(t, has)
			assert.InDelta(t, want[i], value, 1e-9, "%+v", l)
		}
		m := Metric{Source: l}
		assert.Equal(t, want[0] != want[1], m.IsFromDue(), "%+v", l)
		assert.Equal(t, l.Per != Undivided, m.NeedsTokenCounts(), "%+v", l)
	}
}

func TestLatency_ofRequestsThatDidNotEndWell(t *testing.T) {
	begun := harness.NewRecord(0, 0)
	begun.Sent, begun.Chunks, begun.FirstAnswer, begun.Done, begun.Failure = 0, []time.Duration{time.Second}, time.Second, 2*time.Second, harness.Canceled
	failed := begun
	failed.Failure = harness.Reset
	filtered := harness.NewRecord(0, 0)
	filtered.Sent, filtered.Done = 0, time.Second
	for _, m := range Metrics() {
		l, is := m.Source.(Latency)
		if !is {
			continue
		}
		_, has := l.Value(&begun)
		assert.Equal(t, m.Phase() == UntilFirst, has, "%s of a request that its user left after its answer had begun", m.Name)
		for _, r := range []*harness.Record{&failed, &filtered} {
			_, has := l.Value(r)
			assert.False(t, has, m.Name)
		}
	}
}

func TestMetric_statistics(t *testing.T) {
	for _, m := range Metrics() {
		for _, statistic := range m.Summarized() {
			_, isQuantile := Quantile(statistic)
			assert.True(t, statistic == "" || isQuantile || slices.Contains(m.Statistics(), statistic), "%s of %s", statistic, m.Name)
		}
	}
}
