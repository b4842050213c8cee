package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Abandon looks at a run that goes on and says why it is not worth its time any
// more: an objective that is missed whatever comes. It returns "" as long as there
// is hope.
func Abandon(objectives []harness.Objective) func(*harness.Run) string {
	return func(run *harness.Run) string {
		w := newWindow(run)
		for _, o := range objectives {
			of := w.class(o.Class)
			v := judge(of, o)
			if o.Metric == "error rate" {
				v = of.errorsSoFar(o, v)
			}
			if v.Outcome == Missed {
				return fmt.Sprintf("%s was missed: it was %s after %s", o.Text, FormatQuantity(v.Value, v.Unit), counted(len(of.due), "request"))
			}
		}
		return ""
	}
}

// sure is the confidence with which a run is abandoned for its errors. It is
// looked at again and again, and each look is a chance to be wrong.
const sure = 0.9999

// errorsSoFar judges the error rate by its interval: over a whole run it is a fact,
// but the first two requests of a run do not tell what the others will do.
func (w *window) errorsSoFar(o harness.Objective, v Verdict) Verdict {
	if n := len(w.due); n > 0 {
		lo, hi := stats.Share(w.count((*harness.Record).Failed), n, sure)
		v.Outcome = decide(o, lo, hi)
	}
	return v
}
