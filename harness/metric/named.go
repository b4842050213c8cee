package metric

import (
	"fmt"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// The sources of audits, causes and curves, whatever a scenario asks for. Code refers to a metric by its
// source; the names of metrics are for readers.

// TTFT is the time to the first token.
func TTFT() Latency { return Latency{From: DueAt, To: FirstChunk} }

// TPOT is the time per output token after the first.
func TPOT() Latency { return Latency{From: FirstChunk, To: LastChunk, Per: LaterToken} }

// E2E is the time from when a request was due to the end of its answer.
func E2E() Latency { return Latency{From: DueAt, To: DoneAt} }

// InFlight is the time that a request was in flight.
func InFlight() Latency { return Latency{From: SentAt, To: DoneAt} }

// Lag is our own lateness.
func Lag() OwnTime { return OwnTime{Of: (*harness.Record).Lag, Column: "lag_ns"} }

// ReadDelay is our own slowness to read.
func ReadDelay() OwnTime {
	return OwnTime{Of: func(r *harness.Record) time.Duration { return r.ReadDelay }, Column: "read_delay_ns"}
}

// AnswerLength is how many tokens an answer had.
func AnswerLength() RequestCount {
	return RequestCount{Of: func(r *harness.Record) int { return r.OutputTokens }, Column: "output_tokens", ByServer: true}
}

// identity is what sources have in common that measure the same. Functions cannot be compared: the
// stored column stands for them.
func identity(s Source) any {
	switch of := s.(type) {
	case OwnTime:
		return of.Column
	case RequestCount:
		return of.Column
	}
	return s
}

// Measures reports whether a metric has this source.
func (m Metric) Measures(s Source) bool { return identity(m.Source) == identity(s) }

// RestsOn reports whether a metric is measured by a series of the server's.
func (m Metric) RestsOn(series string) bool {
	if of, ok := m.Source.(Histogram); ok {
		return of.Name == series
	}
	feed, all := m.Feeds()
	return feed == Server && slices.Contains(all, series)
}

// Of is the row of the catalogue that has a source.
func Of(s Source) Metric {
	return only(fmt.Sprintf("a source %v", s), func(m Metric) bool { return m.Measures(s) })
}

// OfSeries is the first row of the catalogue that rests on a series of the server's.
func OfSeries(series string) Metric {
	return only(series, func(m Metric) bool { return m.RestsOn(series) })
}

func only(what string, is func(Metric) bool) Metric {
	all := Metrics()
	i := slices.IndexFunc(all, is)
	if i < 0 {
		panic("the catalogue of metrics has no row of " + what) // who asks names a constant
	}
	return all[i]
}

// Objective asks for a statistic of a metric, and limits nothing.
func (m Metric) Objective(statistic string) harness.Objective {
	return harness.Objective{Metric: m.Name, Statistic: statistic}
}

// Curve are the figures that each run of several is summarized by, and a sweep's curve is drawn of.
func Curve() []harness.Objective { return figures(func(m Metric) []string { return m.Curve }) }

// History are the figures whose history is looked at for changes.
func History() []harness.Objective { return figures(func(m Metric) []string { return m.History }) }

func figures(statistics func(Metric) []string) (out []harness.Objective) {
	for _, m := range Metrics() {
		for _, statistic := range statistics(m) {
			out = append(out, m.Objective(statistic))
		}
	}
	return out
}
