package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
)

// Repeats are several runs of one scenario, judged together.
type Repeats struct {
	windows []*measure.Window
	pooled  *measure.Window // all of them, one after the other
}

// Together judges runs of one load, at least one, as if they were one run.
func Together(windows []*measure.Window) *Repeats {
	return &Repeats{windows: windows, pooled: measure.Pool(windows)}
}

// Judge answers every objective from what all the runs saw. What was found in one of
// them voids the rows that it covers.
func (r *Repeats) Judge(objectives []harness.Objective) []Verdict {
	if len(r.windows) == 1 {
		return Judge(r.windows[0], objectives)
	}
	var found []Finding
	for i, w := range r.windows {
		for _, f := range Audit(w) {
			found = append(found, Finding{f.Voids, fmt.Sprintf("run %d of %d: %s", i+1, len(r.windows), f.Text)})
		}
	}
	verdicts := JudgeSoFar(r.pooled, objectives)
	Void(verdicts, found, r.pooled.Run.Scenario.Good)
	return verdicts
}
