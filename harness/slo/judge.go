package slo

import (
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// Judge answers every objective. A row is unknown where what was found to be wrong
// with the run covers it: see [Finding]. Latency counts from due, so it includes what
// the client was late by; where less of that would give another outcome, our own
// lateness decides, and the answer is not known. Neither are gaps between chunks where
// we were too slow to see them one by one.
func Judge(w *measure.Window, objectives []harness.Objective) []Verdict {
	verdicts := JudgeSoFar(w, objectives)
	Void(verdicts, Audit(w), w.Run.Scenario.Good)
	return verdicts
}

// JudgeSoFar answers every objective by what there is, without the audit, which asks
// for a whole run.
func JudgeSoFar(w *measure.Window, objectives []harness.Objective) []Verdict {
	verdicts := make([]Verdict, len(objectives))
	for i, o := range objectives {
		verdicts[i] = judgement{client{w.Class(o.Class)}}.judge(o)
	}
	return verdicts
}

// A judgement judges rows by a measured run.
type judgement struct{ client }

func (w judgement) judge(o harness.Objective) Verdict {
	v := Verdict{Objective: o, Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Outcome: Unknown}
	m, err := metric.OfRow(o)
	if err != nil {
		v.MakeUnknown(NoFigure, err.Error())
		return v
	}
	e := w.Estimate(m, o.Statistic, o.Relation != harness.AtLeast)
	if e.Exact {
		e.Lo, e.Hi = e.Value, e.Value
	}
	v.Unit, v.Value, v.Lo, v.Hi, v.N, v.Notes = m.Unit, e.Value, e.Lo, e.Hi, e.N, e.Notes
	v.Effective, v.Lasting = int(e.Effective), Unknown
	if e.Reason != "" || e.N == 0 {
		v.MakeUnknown(NoFigure, e.Reason)
		return v
	}
	v.settle(e)
	if !e.Exact && w.saturated(m, &v) && v.Outcome == Unknown {
		return v
	}
	if v.Outcome == Unknown {
		v.MakeUnknown(InsideInterval, w.doubt(m, o, e))
	} else if ours := w.ours(m, v); ours != "" {
		v.MakeUnknown(OfClient, ours)
	}
	return v
}

// AnyRun is the verdict on any run of this load, not on this one alone, with the
// interval that says so.
func (v Verdict) AnyRun() Verdict {
	if v.Outcome == Missed && v.Lasting == Unknown {
		v.Lo, v.Hi = v.Any[0], v.Any[1]
		v.MakeUnknown(InsideInterval, "the limit lies inside the interval for any run")
	}
	v.Outcome = v.Lasting
	return v
}

// MakeUnknown makes a verdict unknown. Its first note is the reason that decides.
func (v *Verdict) MakeUnknown(kind Doubt, reason string) {
	v.Outcome, v.Lasting, v.Doubt = Unknown, Unknown, kind
	v.Notes = append([]string{reason}, v.Notes...)
}

// settle decides. That an objective is met is a promise for any run, and so the
// interval is that for requests which depend on each other. That it is missed is what
// became of these requests: a queue or a stall that many of them stood in is one event
// for the statistics of any run, and all the same they waited.
func (v *Verdict) settle(e measure.Estimate) {
	v.Any, v.Here = [2]float64{e.Lo, e.Hi}, [2]float64{e.ThisRun().Lo, e.ThisRun().Hi}
	v.Lasting = Decide(v.Objective, e.Lo, e.Hi)
	v.Outcome = v.Lasting
	if v.Outcome == Unknown && Decide(v.Objective, v.Here[0], v.Here[1]) == Missed {
		v.Outcome, v.Lo, v.Hi = Missed, v.Here[0], v.Here[1]
		v.Notes = append(v.Notes, "so it was in this run; another one may differ"+dependence(e))
	}
}

// ours says why an outcome may be our own doing; "" where it is not.
func (w judgement) ours(m metric.Metric, v Verdict) string {
	var off []stampError
	switch {
	case m.ComparesStamps():
		off = append(off, w.gapStampError(m, v.Statistic))
	case m.RestsOnFirstChunk():
		off = append(off, w.firstStampError(m, v.Statistic))
	}
	if m.IsTimedByClient() {
		off = append(off, w.lateStamps())
	}
	for _, e := range append(off, w.distorted(m, v)) {
		if v.changesWithin(e) {
			return e.why
		}
	}
	if (m.IsFromDue() || m.CountsGood()) && !w.bounded() {
		return w.ownLateness(m, v)
	}
	return ""
}

// changesWithin reports whether the outcome would be another one if what was measured
// were off by as much as a stamp error.
func (v Verdict) changesWithin(e stampError) bool {
	return e.by > 0 && Decide(v.Objective, v.Lo-e.by, v.Hi+e.by) != v.Outcome
}

// bounded reports whether requests wait for a slot because the scenario says so.
func (w client) bounded() bool {
	open, ok := w.Run.Scenario.Load.(harness.Open)
	return ok && open.InFlight > 0
}

// Decide compares an interval with a limit.
func Decide(o harness.Objective, lo, hi float64) Outcome {
	least, most := math.Inf(-1), math.Inf(1)
	switch o.Relation {
	case harness.AtMost:
		most = o.Limit
	case harness.AtLeast:
		least = o.Limit
	case harness.Between:
		least, most = o.Limit, o.Upper
	default:
		least, most = o.Limit, o.Limit
	}
	switch {
	case lo >= least && hi <= most:
		return Met
	case hi < least || lo > most:
		return Missed
	}
	return Unknown
}
