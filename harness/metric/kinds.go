package metric

import (
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// PerRequest is the source of a metric that each request has one value of; nil where it has
// another one.
func (m Metric) PerRequest() PerRequest {
	of, _ := m.Source.(PerRequest)
	return of
}

// IsLatency reports whether a metric is a time that requests took, of each one or between
// its chunks, and not the client's own doing.
func (m Metric) IsLatency() bool {
	switch m.Source.(type) {
	case Latency, LongestGap, Gap:
		return true
	}
	return false
}

// IsSampled reports whether a metric says nothing of single requests.
func (m Metric) IsSampled() bool {
	switch m.Source.(type) {
	case Gauge, Counter, Histogram, Ratio, Energy:
		return true
	}
	return false
}

// IsOwn reports whether a metric is about the client itself, and says nothing of the server.
func (m Metric) IsOwn() bool {
	_, is := m.Source.(OwnTime)
	return is
}

// IsFact reports whether a metric counts what no speed of the server and no cache changes.
func (m Metric) IsFact() bool {
	switch of := m.Source.(type) {
	case RequestCount, ErrorRate, Coalesced, Ratio:
		return true
	case Total:
		return of.Of == Due
	}
	return false
}

// IsWhole reports whether a statistic of a metric is always a whole number: a count, and not a mean or a percentile of
// counts. Of a series in quotes it is not known.
func (m Metric) IsWhole(statistic string) bool {
	if m.Unit != quantity.Count && m.Unit != quantity.Tokens || strings.HasPrefix(m.Name, `"`) {
		return false
	}
	switch of := m.Source.(type) {
	case Total, Counter:
		return true
	case RequestCount, Concurrency:
		return statistic == "" || statistic == "min" || statistic == "max"
	case Gauge:
		return of.Feed != Host && (statistic == "min" || statistic == "max")
	}
	return false
}

// IsFromDue reports whether a metric counts from when a request was due, so that the
// client's own lateness is part of it.
func (m Metric) IsFromDue() bool {
	of, is := m.Source.(Latency)
	return is && of.From == DueAt
}

// Begins reports whether a metric is known of a request once its answer has begun, so that who
// left before has waited in vain.
func (m Metric) Begins() bool {
	of, is := m.Source.(Latency)
	return is && of.To == FirstChunk
}

// CountsGood reports whether a metric counts good requests.
func (m Metric) CountsGood() bool {
	_, is := m.Source.(Attainment)
	return is
}

// NeedsTokenCounts reports whether a metric rests on the server's own counts of tokens.
func (m Metric) NeedsTokenCounts() bool {
	switch of := m.Source.(type) {
	case Latency:
		return of.Per.countsTokens()
	case Gap:
		return of.PerToken
	case RequestCount:
		return of.ByServer
	case Total:
		return of.Of == OutputTokens || of.Of == PromptTokens
	case Energy:
		return of.Per == OutputTokens
	}
	return false
}

func (p Per) countsTokens() bool { return p == OutputToken || p == LaterToken }

// NeedsChunkTokens reports whether a metric has to know how many tokens each chunk holds.
func (m Metric) NeedsChunkTokens() bool {
	of, is := m.Source.(Gap)
	return is && of.PerToken
}

// ComparesStamps reports whether a metric compares the stamps of successive chunks.
func (m Metric) ComparesStamps() bool {
	switch m.Source.(type) {
	case Gap, LongestGap:
		return true
	}
	return false
}

// RestsOnFirstChunk reports whether a metric begins or ends with the stamp of the first content.
func (m Metric) RestsOnFirstChunk() bool {
	of, is := m.Source.(Latency)
	return is && (of.From.isFirst() || of.To.isFirst())
}

func (i Instant) isFirst() bool { return i == FirstChunk || i == FirstAnswer }

// IsBetweenChunks reports whether a metric is a time between chunks of one answer.
func (m Metric) IsBetweenChunks() bool {
	of, is := m.Source.(Latency)
	return m.ComparesStamps() || is && of.From.isFirst()
}

// IsOfServer reports whether a metric rests on the server's own series.
func (m Metric) IsOfServer() bool {
	switch of := m.Source.(type) {
	case Gauge:
		return of.Feed == Server
	case Counter:
		return of.Feed == Server
	case Histogram, Ratio:
		return true
	}
	return false
}

// IsTimedByClient reports whether a metric rests on instants that the client took.
func (m Metric) IsTimedByClient() bool {
	switch m.Source.(type) {
	case Concurrency, Attainment:
		return true
	case Total:
		return !m.IsFact()
	}
	return m.IsLatency()
}

// A Phase is the part of a request's life that a metric is about.
type Phase int

// The phases.
const (
	NoPhase    Phase = iota // it is about no single request
	WholeLife               // until the end of the answer
	UntilFirst              // until the first content
	FromFirst               // from the first content on
)

// Phase is the part of a request's life that a metric is about.
func (m Metric) Phase() Phase {
	switch of := m.Source.(type) {
	case Latency:
		if of.To.isFirst() {
			return UntilFirst
		}
		if m.IsBetweenChunks() {
			return FromFirst
		}
		return WholeLife
	case Gap, LongestGap:
		return FromFirst
	case Total:
		if of.Of == Due {
			return NoPhase
		}
		return WholeLife
	case Attainment:
		return WholeLife
	}
	return NoPhase
}

// Feeds are the series that a metric needs, by who reads them: "" where it needs none.
func (m Metric) Feeds() (feed string, series []string) {
	switch of := m.Source.(type) {
	case Gauge:
		return of.Feed, []string{of.Series}
	case Counter:
		return of.Feed, []string{of.Series}
	case Ratio:
		return Server, []string{of.Whole, of.Part}
	}
	return "", nil
}

// unitOf is the unit that a source has; "" where it may have several.
func unitOf(s Source) quantity.Unit {
	switch of := s.(type) {
	case Latency:
		if of.Per == ClipSecond {
			return quantity.Factor
		}
		return quantity.Seconds
	case LongestGap, Gap, OwnTime, Histogram:
		return quantity.Seconds
	case ErrorRate, ValidAnswers, Coalesced, Ratio:
		return quantity.Ratio
	case Concurrency:
		return quantity.Count
	case Energy:
		return quantity.Joules
	case RequestCount:
		if of.ByServer {
			return quantity.Tokens
		}
		return quantity.Count
	}
	return ""
}
