package slo

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
)

// saturated is what becomes of a verdict where the backlog only grew: a limit that is
// broken already stays so, and one that is not yet may well be.
func (w judgement) saturated(m metric.Metric, v *Verdict) bool {
	if !m.IsFromDue() && !m.CountsGood() {
		return false
	}
	why := w.Saturated()
	if why == "" {
		return false
	}
	if late := w.lateness().Reason; late != "" { // then the backlog may be the client's own
		if v.Outcome != Missed {
			v.MakeUnknown(OfClient, late)
		}
		return v.Outcome == Unknown
	}
	harmful := harness.AtMost
	if m.CountsGood() {
		harmful = harness.AtLeast
	}
	switch {
	case v.Relation != harmful:
		return false
	case Decide(v.Objective, v.Value, v.Value) == Missed:
		v.Outcome, v.Lasting = Missed, Missed
	default:
		v.MakeUnknown(InsideInterval, why)
		return true
	}
	v.Notes = append(v.Notes, why)
	return true
}
