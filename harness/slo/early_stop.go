package slo

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// EarlyStop is the early stop of a run: one of its sinks, which says when it need not go
// on: when an objective is missed whatever comes.
type EarlyStop struct {
	*measure.SoFar
	objectives []harness.Objective
}

// NewEarlyStop looks on for these objectives. What is due earlier than warmup does not
// count.
func NewEarlyStop(objectives []harness.Objective, warmup time.Duration) *EarlyStop {
	return &EarlyStop{measure.NewSoFar(harness.Scenario{Objectives: objectives, Warmup: warmup}), objectives}
}

// Decidable is why a run cannot be abandoned for an objective: because it cannot be known
// before its end that it is missed. What has ended by then is what ended fast.
func Decidable(o harness.Objective) error {
	m, err := metric.OfRow(o)
	switch {
	case err != nil:
		return err
	case o.Relation != harness.AtMost && o.Relation != harness.Exactly:
	case o.Class != "":
		return fmt.Errorf("%s: a run is abandoned for what becomes of all its traffic; leave out %q", o.Text, o.Class+":")
	case canOnlyGrow(m):
		return nil
	}
	return fmt.Errorf("%s cannot be missed before the end of the run; a run is abandoned for its error rate, its backlog or a latency: | error rate | at most 10%% |", o.Text)
}

// canOnlyGrow reports whether a metric can be beyond a limit from above before a run is over.
func canOnlyGrow(m metric.Metric) bool {
	switch m.Source.(type) {
	case metric.ErrorRate, metric.Gauge, metric.Counter:
		return true
	}
	return m.PerRequest() != nil && !m.IsOwn()
}

func isErrorRate(m metric.Metric) bool {
	_, is := m.Source.(metric.ErrorRate)
	return is
}

// Decided says which objective cannot be met any more, at this time of the run; "" while all can.
func (h *EarlyStop) Decided(now time.Duration) string {
	window := h.Measured(now)
	defer h.Resume()
	for _, o := range h.objectives {
		w := judgement{client{window.Class(o.Class)}}
		v := w.judge(o)
		if m, err := metric.OfRow(o); err == nil && isErrorRate(m) {
			v = w.errorsSoFar(o, v)
		}
		if v.Outcome == Missed {
			return fmt.Sprintf("%s was missed: it was %s after %s", o.Text, quantity.Format(v.Value, v.Unit), quantity.Counted(w.Due, "request")+" that had ended")
		}
	}
	return ""
}

// sure is the confidence with which a run is abandoned for its errors. It is
// looked at again and again, and each look is a chance to be wrong.
const sure = 0.9999

// errorsSoFar judges the error rate by its interval: over a whole run it is a fact,
// but the first two requests of a run do not tell what the others will do. Those that
// fail at once are the first to end; the others are in flight and count as well.
func (w judgement) errorsSoFar(o harness.Objective, v Verdict) Verdict {
	n := w.Due
	if issued := w.Sampled.Series("client", harness.SeriesIssued); issued.Readings() > 0 {
		n = max(n, int(issued.Last()))
	}
	if n > 0 {
		lo, hi := stats.Share(w.Failed, n, float64(n), sure)
		v.Value, v.Outcome = float64(w.Failed)/float64(n), Decide(o, lo, hi)
	}
	return v
}
