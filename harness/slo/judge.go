package slo

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// An Outcome is the answer to an objective.
type Outcome string

// The outcomes.
const (
	Met     Outcome = "met"
	Missed  Outcome = "missed"
	Unknown Outcome = "unknown"
)

// A Verdict is an objective, the figure it was held against, and the outcome.
// Value, Lo and Hi are in the unit; NaN or infinite where there is none.
type Verdict struct {
	harness.Objective
	Unit          quantity.Unit
	Value, Lo, Hi float64
	N             int        // requests, or readings of a gauge
	Any, Here     [2]float64 // the interval for any run, and for this one; Lo and Hi are the one that decides
	Effective     int        // independent requests that tell as much; 0 where that is no question
	Outcome       Outcome
	Lasting       Outcome // what is known of any run, not of this one alone
	Notes         []string
	Doubt         Doubt  // why it is unknown; its first note says so
	Cause         string // why it was not met, where that is known: see [Explain]
}

// Compares reports whether a verdict holds runs against others, and its value is a
// ratio of figures, not a figure.
func (v Verdict) Compares() bool { return v.Unit == quantity.OfBaseline || v.Unit == quantity.OfOther }

// Because is a verdict's cause without its beginning: what follows "because".
func (v Verdict) Because() string {
	if _, because, ok := strings.Cut(v.Cause, " because "); ok {
		return because
	}
	return v.Cause
}

// A Doubt is the kind of reason for which a verdict is unknown.
type Doubt int

const (
	Decided        Doubt = iota // it is not unknown
	InsideInterval              // more requests, or runs, could decide
	NoFigure                    // there is no value
	OfClient                    // what the client did could have decided
	Voided                      // something was found: see [Finding]
)

// Judge answers every objective. A row is unknown where what was found to be wrong
// with the run covers it: see [Finding]. Latency counts from due, so it includes what
// the client was late by; where less of that would give another outcome, our own
// lateness decides, and the answer is not known. Neither are gaps between chunks where
// we were too slow to see them one by one.
func (w *Window) Judge(objectives []harness.Objective) []Verdict {
	verdicts := w.JudgeSoFar(objectives)
	Void(verdicts, w.Audit(), w.Run.Scenario.Good)
	return verdicts
}

func (w *Window) judge(o harness.Objective) Verdict {
	v := Verdict{Objective: o, Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Outcome: Unknown}
	m, err := Lookup(o.Metric)
	if err != nil {
		v.MakeUnknown(NoFigure, err.Error())
		return v
	}
	e := m.measure(w, o.Statistic, o.Relation != harness.AtLeast)
	if e.census {
		e.lo, e.hi = e.value, e.value
	}
	v.Unit, v.Value, v.Lo, v.Hi, v.N, v.Notes = m.Unit, e.value, e.lo, e.hi, e.n, e.notes
	v.Effective, v.Lasting = int(e.effective), Unknown
	if e.reason != "" || e.n == 0 {
		v.MakeUnknown(NoFigure, e.reason)
		return v
	}
	v.settle(e)
	if !e.census && w.saturated(m, &v) && v.Outcome == Unknown {
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
func (v *Verdict) settle(e estimate) {
	v.Any, v.Here = [2]float64{e.lo, e.hi}, [2]float64{e.run().lo, e.run().hi}
	v.Lasting = Decide(v.Objective, e.lo, e.hi)
	v.Outcome = v.Lasting
	if v.Outcome == Unknown && Decide(v.Objective, v.Here[0], v.Here[1]) == Missed {
		v.Outcome, v.Lo, v.Hi = Missed, v.Here[0], v.Here[1]
		v.Notes = append(v.Notes, "so it was in this run; another one may differ"+e.dependence())
	}
}

// ours says why an outcome may be our own doing; "" where it is not.
func (w *Window) ours(m Metric, v Verdict) string {
	var off []stampError
	switch {
	case m.stamps:
		off = append(off, w.blurred(m, v.Statistic))
	case m.first:
		off = append(off, w.blurredFirst(m, v.Statistic))
	}
	if m.timedByClient() {
		off = append(off, w.lateStamps())
	}
	for _, e := range append(off, w.distorted(m, v)) {
		if v.changesWithin(e) {
			return e.why
		}
	}
	if (m.fromDue() || m.ofGood) && !w.bounded() {
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
func (w *Window) bounded() bool {
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

// doubt says why an interval does not decide, and what would.
func (w *Window) doubt(m Metric, o harness.Objective, e estimate) string {
	if e.open != "" {
		return e.open
	}
	why := "the limit lies inside the interval"
	if math.IsInf(e.hi, 1) && !math.IsInf(e.value, 1) {
		if e.left > 0 {
			return fmt.Sprintf("how long %s that users gave up would have taken is not known, and they decide", quantity.Counted(e.left, "request"))
		}
		if why = "there are too few requests to bound it from above"; m.Request == nil {
			return why + w.toBound(o, e)
		}
	}
	switch factor := w.factor(m, o, e); {
	case factor == 0:
		return why + e.dependence()
	case factor > mostFactor:
		return why + ", and so close that no longer run would decide" + e.dependence()
	default:
		return fmt.Sprintf("%s; about %s would decide%s", why, w.more((factor-1)*float64(e.n)), e.dependence())
	}
}

// toBound says how many more requests would give a quantile an upper bound at all.
func (w *Window) toBound(o harness.Objective, e estimate) string {
	p, ok := quantileOf(o.Statistic)
	if !ok || e.effective == 0 {
		return ""
	}
	needed := float64(stats.SamplesFor(p, Confidence)) * float64(e.n) / e.effective
	return fmt.Sprintf("; %s would give it one%s", w.more(needed-float64(e.n)), e.dependence())
}

// factor is how many times as many requests would decide; 0 where that cannot be said,
// and more than mostFactor where no number in reach would.
func (w *Window) factor(m Metric, o harness.Objective, e estimate) float64 {
	var decides func(float64) bool
	p, isQuantile := quantileOf(o.Statistic)
	switch {
	case m.ofGood:
		decides = shareOf{w.good, w.Due, e.effective, e.unit}.decides(o)
	case isQuantile && m.Request != nil && e.effective > 0:
		of := w.figure(m.Name)
		decides = of.decides(o, e.n-of.values.N(), e.effective, p)
	default:
		return rootFactor(o, e)
	}
	if factor := longer(decides); factor > 0 {
		return max(factor, 1+1/float64(max(1, e.n)))
	}
	return math.Inf(1)
}

// rootFactor is that of an interval which shrinks with the root of the number of
// requests.
func rootFactor(o harness.Objective, e estimate) float64 {
	distance := math.Min(math.Abs(e.value-o.Limit), math.Abs(e.value-cmpUpper(o)))
	width := math.Max(e.hi-e.value, e.value-e.lo)
	if distance <= 0 || width <= 0 || math.IsInf(width, 0) || math.IsNaN(width) {
		return 0
	}
	return (width / distance) * (width / distance)
}

func cmpUpper(o harness.Objective) float64 {
	if o.Relation == harness.Between {
		return o.Upper
	}
	return o.Limit
}

// verdictJSON is the shape of an entry of verdicts.json.
type verdictJSON struct {
	harness.Objective
	Unit          quantity.Unit `json:"unit"`
	Value         *float64      `json:"value"`
	Interval      [2]*float64   `json:"interval"`
	N             int           `json:"n"`
	EffectiveSize int           `json:"n_effective,omitempty"`
	Outcome       Outcome       `json:"outcome"`
	Lasting       Outcome       `json:"lasting,omitempty"`
	Notes         []string      `json:"notes"`
	Cause         string        `json:"cause,omitempty"`
}

// MarshalJSON writes null for a number that JSON cannot hold: a value that does
// not exist (then N is 0), or an infinite one, which stands for no answer.
func (v Verdict) MarshalJSON() ([]byte, error) {
	number := func(f float64) *float64 {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil
		}
		return &f
	}
	notes := v.Notes
	if notes == nil {
		notes = []string{}
	}
	return json.Marshal(verdictJSON{v.Objective, v.Unit, number(v.Value), [2]*float64{number(v.Lo), number(v.Hi)}, v.N, v.Effective, v.Outcome, v.Lasting, notes, v.Cause})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Verdict) UnmarshalJSON(raw []byte) error {
	var j verdictJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return err
	}
	number := func(f *float64, infinite float64) float64 {
		switch {
		case f != nil:
			return *f
		case j.N > 0:
			return infinite
		}
		return math.NaN()
	}
	below := math.Inf(-1)
	if j.Value == nil {
		below = math.Inf(1) // no answer is the least that the value can be
	}
	*v = Verdict{Objective: j.Objective, Unit: j.Unit, Value: number(j.Value, math.Inf(1)), Lo: number(j.Interval[0], below), Hi: number(j.Interval[1], math.Inf(1)),
		N: j.N, Effective: j.EffectiveSize, Outcome: j.Outcome, Lasting: j.Lasting, Notes: j.Notes, Cause: j.Cause}
	return nil
}
