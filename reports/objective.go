package reports

import (
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// An Objective is one row of the table of objectives.
type Objective struct {
	Name, Limit, Value, Interval, N string
	Metric, Class                   string
	Outcome                         slo.Outcome
	Says                            string // the outcome, as far as it is known
	Cause                           string // why it was not met, in one sentence, as far as that is known
	Reason                          string // of the cause what follows "because", which several objectives may share
	Notes                           []string
	Formula, Where, SQL             string
	Bar                             Bar
}

func objective(v slo.Verdict, run *harness.Run) Objective {
	o := Objective{
		Name: v.Name(), Limit: v.Expectation(), Value: "–", N: "–", Metric: v.Metric, Class: v.Class,
		Outcome: v.Outcome, Says: string(v.Outcome), Cause: v.Cause.String(), Reason: v.Cause.Reason(), Notes: v.Notes, Where: v.Where, Bar: newBar(v),
	}
	if !v.Compares() { // with other runs, whose files are elsewhere
		o.SQL = SQL(v.Objective, run.From, run.To)
	}
	if m, err := metric.Lookup(v.Metric); err == nil {
		o.Formula = m.Formula
	}
	if !math.IsNaN(v.Value) {
		o.Value = quantity.Format(v.Value, v.Unit)
		o.Interval = strings.TrimSpace(v.Interval())
		o.N = quantity.Format(float64(v.N), quantity.Count)
	}
	return o
}

// valueWithInterval is a value with its interval; "–" where there is none.
func valueWithInterval(v slo.Verdict) string {
	if math.IsNaN(v.Value) {
		return "–"
	}
	return quantity.Format(v.Value, v.Unit) + v.Interval()
}
