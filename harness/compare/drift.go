package compare

import (
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// A Drift is a change in the history of a scenario: from one run on, a figure lies higher or
// lower than before.
type Drift struct {
	Figure        string        `json:"figure"` // "p99 TTFT"
	Unit          quantity.Unit `json:"unit"`
	At            int           `json:"at"`     // the first run after it, from 0, the oldest
	Before        float64       `json:"before"` // medians of the runs since the change before it and until the next one
	After         float64       `json:"after"`
	Ratio, Lo, Hi float64       `json:"-"`     // after ÷ before, with its 95 % interval
	P             float64       `json:"p"`     // corrected for all places at which there could be a change
	Worse         bool          `json:"worse"` // by the metric's direction
}

// Thresholds of a change: the probability that chance shows one anywhere in a history, the
// fewest runs on each side, and the least relative shift.
const (
	driftAlpha = 0.01
	driftLeast = 4
	driftShift = 0.02
)

// DriftRuns are the fewest runs of a history in which a change can be found.
const DriftRuns = 2 * driftLeast

// Drifts finds where a figure has changed over the runs of a history, the oldest first.
func Drifts(o harness.Objective, values []float64) []Drift { return new(Detector).Drifts(o, values) }

// A Detector finds the drifts of many figures of the same runs. The zero value is ready for use, by one goroutine at a time.
type Detector struct{ distributions stats.Distributions }

// Drifts is [Drifts].
func (d *Detector) Drifts(o harness.Objective, values []float64) (out []Drift) {
	m, err := metric.OfRow(o)
	if err != nil {
		return nil
	}
	changes := stats.Changes(values, driftLeast, driftAlpha)
	for i, change := range changes {
		from, to := 0, len(values)
		if i > 0 {
			from = changes[i-1].At
		}
		if i+1 < len(changes) {
			to = changes[i+1].At
		}
		before, after := values[from:change.At], values[change.At:to]
		shift := d.distributions.Unpaired(logs(before, 1, 1), logs(after, 1, 1))
		if math.Abs(shift.Estimate()) < driftShift {
			continue
		}
		found := Drift{Figure: o.Name(), Unit: m.Unit, At: change.At, P: change.P, Before: median(slices.Clone(before)), After: median(slices.Clone(after)), Ratio: math.Exp(shift.Estimate())}
		lo, hi := shift.Interval(measure.Confidence)
		found.Lo, found.Hi = math.Exp(lo), math.Exp(hi)
		found.Worse = m.Better == metric.LowerIsBetter && found.Ratio > 1 || m.Better == metric.HigherIsBetter && found.Ratio < 1
		out = append(out, found)
	}
	return out
}
