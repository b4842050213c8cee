package slo

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/vllmspec/vllmspec/harness"
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
	Unit          Unit
	Value, Lo, Hi float64
	N             int        // requests, or readings of a gauge
	Any, Here     [2]float64 // the interval for any run, and for this one; Lo and Hi are the one that decides
	Effective     int        // independent requests that tell as much; 0 where that is no question
	Outcome       Outcome
	Lasting       Outcome // what is known of any run, not of this one alone
	Notes         []string
	Cause         string // why it was not met, where that can be told: see [Explain]
}

// Judge answers every objective. A run whose client was unsound, or in which
// nothing was answered, has no known answers at all. Latency counts from due, so
// it includes what the client was late by; where counting from sent would give
// another outcome, our own lateness decides, and the answer is not known. Neither
// are gaps between chunks where we were too slow to see them one by one.
func (w *Window) Judge(objectives []harness.Objective) []Verdict {
	unsound := w.Audit()
	verdicts := make([]Verdict, len(objectives))
	for i, o := range objectives {
		verdicts[i] = w.class(o.Class).judge(o)
		if len(unsound) > 0 {
			verdicts[i].Outcome, verdicts[i].Lasting = Unknown, Unknown
			verdicts[i].Notes = append(append([]string{}, unsound...), verdicts[i].Notes...)
		}
	}
	return verdicts
}

func (w *Window) judge(o harness.Objective) Verdict {
	v := Verdict{Objective: o, Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), Outcome: Unknown}
	m, err := Lookup(o.Metric)
	if err != nil {
		v.Notes = []string{err.Error()}
		return v
	}
	e := m.measure(w, o.Statistic, o.Relation != harness.AtLeast)
	if e.census {
		e.lo, e.hi = e.value, e.value
	}
	v.Unit, v.Value, v.Lo, v.Hi, v.N, v.Notes = m.Unit, e.value, e.lo, e.hi, e.n, e.notes
	v.Effective, v.Lasting = int(e.worth), Unknown
	if e.reason != "" || e.n == 0 {
		v.Notes = append(v.Notes, e.reason)
		return v
	}
	v.settle(e)
	if !e.census && w.saturated(m, &v) {
		return v
	}
	if v.Outcome == Unknown {
		v.Notes = append(v.Notes, w.doubt(o, e))
	} else if ours := w.ours(m, v); ours != "" {
		v.Outcome, v.Lasting = Unknown, Unknown
		v.Notes = append(v.Notes, ours)
	}
	return v
}

// settle decides. That an objective is met is a promise for any run, and so the
// interval is that for requests which depend on each other. That it is missed is what
// became of these requests: a queue or a stall that many of them stood in is one event
// for the statistics of any run, and all the same they waited.
func (v *Verdict) settle(e estimate) {
	v.Any, v.Here = [2]float64{e.lo, e.hi}, [2]float64{e.run().lo, e.run().hi}
	v.Lasting = decide(v.Objective, e.lo, e.hi)
	v.Outcome = v.Lasting
	if v.Outcome == Unknown && decide(v.Objective, v.Here[0], v.Here[1]) == Missed {
		v.Outcome, v.Lo, v.Hi = Missed, v.Here[0], v.Here[1]
		v.Notes = append(v.Notes, "so it was in this run; another one may differ"+e.dependence())
	}
}

// ours says why an outcome may be our own doing; "" where it is not.
func (w *Window) ours(m Metric, v Verdict) string {
	var b blur
	switch {
	case m.stamps:
		b = w.blurred(m, v.Statistic)
	case m.first:
		b = w.blurredFirst(m, v.Statistic)
	}
	switch {
	case v.hangsOn(b):
		return b.why
	case m.fromDue && !w.bounded():
		return w.ownLateness(m, v)
	}
	return ""
}

// hangsOn reports whether the outcome would be another one if what was measured were
// off by as much as a blur.
func (v Verdict) hangsOn(b blur) bool {
	return b.why != "" && decide(v.Objective, v.Lo-b.by, v.Hi+b.by) != v.Outcome
}

// bounded reports whether requests wait for a slot because the scenario says so.
func (w *Window) bounded() bool {
	open, ok := w.run.Scenario.Load.(harness.Open)
	return ok && open.InFlight > 0
}

// ownLateness says that it would have been another outcome had every request been
// due when it was sent; "" where it would not.
func (w *Window) ownLateness(m Metric, v Verdict) string {
	sent := w.distribution(m, w.figure(m.Name).sinceSent, v.Statistic, v.Relation != harness.AtLeast)
	other := Verdict{Objective: v.Objective}
	if other.settle(sent); other.Outcome == v.Outcome {
		return ""
	}
	return fmt.Sprintf("the client's own lateness decides: counted from when requests were sent it was %s; give the client a free core%s",
		FormatQuantity(sent.value, m.Unit), w.starved())
}

// decide compares an interval with a limit.
func decide(o harness.Objective, lo, hi float64) Outcome {
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

// doubt says why an interval does not decide, and what would. Intervals shrink
// with the root of the number of requests.
func (w *Window) doubt(o harness.Objective, e estimate) string {
	if math.IsInf(e.hi, 1) && !math.IsInf(e.value, 1) {
		return "there are too few requests to bound it from above"
	}
	distance := math.Min(math.Abs(e.value-o.Limit), math.Abs(e.value-cmpUpper(o)))
	width := math.Max(e.hi-e.value, e.value-e.lo)
	if distance <= 0 || width <= 0 || math.IsInf(width, 0) {
		return "the limit lies inside the interval" + e.dependence()
	}
	factor := (width / distance) * (width / distance)
	if factor > 1000 {
		return "the limit lies inside the interval, and so close that no longer run would decide" + e.dependence()
	}
	return fmt.Sprintf("the limit lies inside the interval; about %s would decide%s", w.more((factor-1)*float64(e.n)), e.dependence())
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
	Unit     Unit        `json:"unit"`
	Value    *float64    `json:"value"`
	Interval [2]*float64 `json:"interval"`
	N        int         `json:"n"`
	Worth    int         `json:"n_effective,omitempty"`
	Outcome  Outcome     `json:"outcome"`
	Lasting  Outcome     `json:"lasting,omitempty"`
	Notes    []string    `json:"notes"`
	Cause    string      `json:"cause,omitempty"`
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
		N: j.N, Effective: j.Worth, Outcome: j.Outcome, Lasting: j.Lasting, Notes: j.Notes, Cause: j.Cause}
	return nil
}
