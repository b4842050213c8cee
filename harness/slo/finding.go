package slo

import (
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// A Finding is a reason why rows of a run cannot be relied on.
type Finding struct {
	Voids Scope
	Text  string // what was found, and what to do
}

// A Scope says which rows a finding voids. A row that it does not cover cannot have
// been changed by what was found, and stays judged.
type Scope int

const (
	// WholeRun is every row: the load was not the one that was asked for.
	WholeRun Scope = iota
	// ClientTimes are rows that rest on instants which the client took: latencies,
	// gaps, throughput, concurrency, and what is made of them.
	ClientTimes
	// LoadShape are rows that another course of the load would change and that no
	// bound on lateness covers: all but facts and latencies from due.
	LoadShape
	// ServerFigures are rows that rest on the server's own series.
	ServerFigures
	// CachedWork are rows that a prefix cache makes better: all but facts.
	CachedWork
	// ServerWork are rows about what the server did that say nothing where it answered
	// nothing: all but facts, and rows that count a request without an answer as the worst.
	ServerWork
	// TokenCounts are rows that rest on the server's own counts of tokens.
	TokenCounts
	// Gaps are rows about the time between chunks of one answer: ITL, TPOT, the
	// longest gap.
	Gaps
	// ChunkGaps are rows that compare the stamps of successive chunks: ITL, the longest gap.
	ChunkGaps
)

// Covers reports whether the finding voids a row about a metric, by its name in the
// catalogue. What makes a request good is part of attainment and goodput.
func (f Finding) Covers(name string, good []harness.Objective) bool {
	m, err := metric.Lookup(name)
	return err != nil || f.Voids.covers(m, good)
}

func (s Scope) covers(m metric.Metric, good []harness.Objective) bool {
	switch s {
	case ClientTimes:
		return m.IsTimedByClient()
	case LoadShape:
		return !m.IsFact() && !m.IsOwn() && !m.IsFromDue()
	case ServerFigures:
		return m.IsOfServer()
	case CachedWork:
		return !m.IsFact() && !m.IsOwn()
	case ServerWork:
		_, inFlight := m.Source.(metric.Concurrency)
		return !m.IsFact() && !m.IsTimedByClient() || inFlight
	case TokenCounts:
		return restsOn(m, good, metric.Metric.NeedsTokenCounts)
	case Gaps:
		return restsOn(m, good, metric.Metric.IsBetweenChunks)
	case ChunkGaps:
		return m.ComparesStamps()
	}
	return true
}

// restsOn reports whether a metric is of a kind, or counts requests as good by one that is.
func restsOn(m metric.Metric, good []harness.Objective, on func(metric.Metric) bool) bool {
	return on(m) || m.CountsGood() && slices.ContainsFunc(good, func(o harness.Objective) bool {
		of, err := metric.OfRow(o)
		return err == nil && on(of)
	})
}

// explains reports whether a finding of this scope may be why a row has no value at
// all; another one is only about how far a value can be relied on.
func (s Scope) explains() bool {
	switch s {
	case ClientTimes, LoadShape, CachedWork, Gaps, ChunkGaps:
		return false
	}
	return true
}

// Void makes those verdicts unknown that findings cover.
func Void(verdicts []Verdict, found []Finding, good []harness.Objective) {
	for i := range verdicts {
		v := &verdicts[i]
		var reasons []string
		for _, f := range found {
			if f.Covers(v.Metric, good) && (v.N > 0 || f.Voids.explains()) {
				reasons = append(reasons, f.Text)
			}
		}
		if reasons == nil {
			continue
		}
		if v.Doubt != Decided {
			v.Notes = v.Notes[1:] // the reason that it had by itself does not decide
		}
		v.Outcome, v.Lasting, v.Doubt, v.Cause = Unknown, Unknown, Voided, Cause{}
		v.Notes = slices.Concat(reasons, v.Notes)
	}
}

// VoidEarly makes verdicts unknown of a run that did not come to its end.
func VoidEarly(verdicts []Verdict, stopped harness.Stop, good []harness.Objective) {
	why := endedEarly + stopped.String()
	Void(verdicts, []Finding{{WholeRun, why}}, good)
	for i := range verdicts {
		verdicts[i].Cause = Cause{Claim: verdicts[i].IsNotKnown(), Summary: why}
	}
}

// endedEarly is what is found of such a run, before the reason.
const endedEarly = "the run ended early: "

// Texts are the sentences of findings.
func Texts(findings []Finding) (out []string) {
	for _, f := range findings {
		out = append(out, f.Text)
	}
	return out
}
