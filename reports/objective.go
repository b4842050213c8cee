package reports

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports/chart"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// An Objective is one row of the table of objectives.
type Objective struct {
	Name, Limit, Value, Interval, N string
	Metric, Class                   string
	Outcome                         slo.Outcome
	Before, Now                     string // medians of the other runs and of these, where it compares runs
	Change                          Change // of these runs against the others
	Sides                           string // both sides in words, where it compares runs: "7 ms against 12.7 ms: 44.6 % better [43.9, 45.2]"
	Rises                           bool   // the figure is higher in these runs than in the others
	Says                            string // the outcome, as far as it is known
	Cause                           string // why it was not met, in one sentence, as far as that is known
	Reason                          string // of the cause what follows "because", which several objectives may share
	Notes                           []string
	Formula, Where, SQL             string
	Bar                             chart.Bar
}

func objective(v slo.Verdict, run *harness.Run) Objective {
	o := Objective{
		Name: v.Name(), Limit: v.Expectation(), Value: "–", N: "–", Metric: v.Metric, Class: v.Class,
		Outcome: v.Outcome, Says: string(v.Outcome), Cause: v.Cause.String(), Reason: v.Cause.Reason(), Notes: v.Notes, Where: v.Where, Bar: chart.NewBar(v),
	}
	if !v.Compares() { // with other runs, whose files are elsewhere
		o.SQL = sql.Objective(v.Objective, run.From, run.To)
	}
	if m, err := metric.OfRow(v.Objective); err == nil {
		o.Formula = m.Formula
		o.compare(v, m)
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

// A Change is what a comparison found of a figure.
type Change string

const (
	NoChange Change = ""       // the interval includes "as before", or runs are not compared
	Better   Change = "better" // the whole interval lies on the better side
	Worse    Change = "worse"  // the whole interval lies on the worse side
)

// compare fills in what a row says of two sides.
func (o *Objective) compare(v slo.Verdict, m metric.Metric) {
	if !v.Compares() || math.IsNaN(v.Value) {
		return
	}
	o.Before, o.Now = quantity.Format(v.Medians[0], m.Unit), quantity.Format(v.Medians[1], m.Unit)
	o.Rises = v.Value > 1
	switch higher := m.Better == metric.HigherIsBetter; {
	case v.Lo > 1 && higher, v.Hi < 1 && !higher:
		o.Change = Better
	case v.Lo > 1, v.Hi < 1:
		o.Change = Worse
	}
	o.Sides = o.Now + " against " + o.Before + ": " + o.by(v, m)
}

// by says by how much of the other side's figure these runs are better or worse.
func (o *Objective) by(v slo.Verdict, m metric.Metric) string {
	gain := func(ratio float64) float64 { return 100 * (1 - ratio) }
	low, high := gain(v.Hi), gain(v.Lo)
	if m.Better == metric.HigherIsBetter {
		gain = func(ratio float64) float64 { return 100 * (ratio - 1) }
		low, high = gain(v.Lo), gain(v.Hi)
	}
	value := gain(v.Value)
	switch o.Change {
	case NoChange:
		return "no difference seen"
	case Worse:
		value, low, high = -value, -high, -low
	}
	says := fmt.Sprintf("%.1f %% %s", value, o.Change)
	if !math.IsInf(low, 0) && !math.IsInf(high, 0) && low != high {
		says += fmt.Sprintf(" [%.1f, %.1f]", low, high)
	}
	return says
}
