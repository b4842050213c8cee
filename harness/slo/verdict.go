package slo

import (
	"encoding/json"
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// An Outcome is the answer to an objective.
type Outcome = harness.Outcome

// The outcomes.
const (
	Met     = harness.Met
	Missed  = harness.Missed
	Unknown = harness.Unknown
)

// A Verdict is an objective, the figure it was held against, and the outcome.
// Value, Lo and Hi are in the unit; NaN or infinite where there is none.
type Verdict struct {
	harness.Objective
	Against       Reference // what the figure is held against, where that is other runs
	Unit          quantity.Unit
	Value, Lo, Hi float64
	Medians       [2]float64 // of the other runs and of these, where it compares runs; in the metric's unit
	N             int        // requests, or readings of a gauge
	Any, Here     [2]float64 // the interval for any run, and for this one; Lo and Hi are the one that decides
	Effective     int        // independent requests that tell as much; 0 where that is no question
	Outcome       Outcome
	Lasting       Outcome // what is known of any run, not of this one alone
	Notes         []string
	Doubt         Doubt // why it is unknown; its first note says so
	Cause         Cause // why it was not met, where that is known
}

// Compares reports whether a verdict holds runs against others, and its value is a
// ratio of figures, not a figure.
func (v Verdict) Compares() bool { return v.Against != NoReference }

// A Doubt is the kind of reason for which a verdict is unknown.
type Doubt int

const (
	Decided        Doubt = iota // it is not unknown
	InsideInterval              // more requests, or runs, could decide
	NoFigure                    // there is no value
	OfClient                    // what the client did could have decided
	Voided                      // something was found: see [Finding]
)

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
	return json.Marshal(verdictJSON{v.Objective, v.Unit, number(v.Value), [2]*float64{number(v.Lo), number(v.Hi)}, v.N, v.Effective, v.Outcome, v.Lasting, notes, v.Cause.String()})
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
	*v = Verdict{Objective: j.Objective, Against: storedReference(j.Unit), Unit: j.Unit, Value: number(j.Value, math.Inf(1)), Lo: number(j.Interval[0], below), Hi: number(j.Interval[1], math.Inf(1)),
		N: j.N, Effective: j.EffectiveSize, Outcome: j.Outcome, Lasting: j.Lasting, Notes: j.Notes}
	v.Cause = v.storedCause(j.Cause)
	return nil
}
