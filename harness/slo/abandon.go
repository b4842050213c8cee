package slo

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Hope looks on while a run goes on, as one of its sinks, and says when it is not
// worth its time any more: when an objective is missed whatever comes.
type Hope struct {
	objectives []harness.Objective
	window     *Window
}

// NewHope looks on for these objectives. What is due earlier than warmup does not
// count.
func NewHope(objectives []harness.Objective, warmup time.Duration) *Hope {
	run := &harness.Run{From: warmup, To: math.MaxInt64, Scenario: harness.Scenario{Objectives: objectives},
		Records: func(func(harness.Record) bool) {}, Samples: func(func(harness.Sample) bool) {}}
	w := newWindow(run, newWatched(run))
	w.soFar = true
	return &Hope{objectives, w}
}

// Record takes a record.
func (h *Hope) Record(r harness.Record) error { h.window.take(&r); return nil }

// Sample takes a sample.
func (h *Hope) Sample(s harness.Sample) error { h.window.watched.take(s); return nil }

// Close does nothing.
func (h *Hope) Close() error { return nil }

// Lost is why there is no hope, at this time of the run; "" as long as there is.
func (h *Hope) Lost(now time.Duration) string {
	for _, o := range h.objectives {
		of := h.window.class(o.Class)
		of.to = now
		v := of.judge(o)
		if o.Metric == "error rate" {
			v = of.errorsSoFar(o, v)
		}
		of.to = math.MaxInt64
		if v.Outcome == Missed {
			return fmt.Sprintf("%s was missed: it was %s after %s", o.Text, FormatQuantity(v.Value, v.Unit), counted(of.due, "request"))
		}
	}
	return ""
}

// sure is the confidence with which a run is abandoned for its errors. It is
// looked at again and again, and each look is a chance to be wrong.
const sure = 0.9999

// errorsSoFar judges the error rate by its interval: over a whole run it is a fact,
// but the first two requests of a run do not tell what the others will do.
func (w *Window) errorsSoFar(o harness.Objective, v Verdict) Verdict {
	if w.due > 0 {
		lo, hi := stats.Share(w.failed, w.due, sure)
		v.Outcome = decide(o, lo, hi)
	}
	return v
}
