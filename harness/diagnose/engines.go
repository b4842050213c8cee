package diagnose

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/fleet"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// onEngine adds to a cause which engine of a fleet the requests were on that failed, or were too slow: one that had
// clearly more of them than its share of all.
func onEngine(c slo.Cause, s fleet.Suspect, what string) slo.Cause {
	share := func(v float64) string { return quantity.Format(v, quantity.Ratio) }
	c.Summary += ", above all on the engine " + s.Name
	return c.With(fmt.Sprintf("; the engine %s had %s of the requests that %s, and %s of all", s.Name, share(s.Slow), what, share(s.Requests)))
}

// unlikeOthers is what the metrics of an engine showed and those of the others did not; "" where nothing is known, or
// they were alike.
func (e *Observer) unlikeOthers(s fleet.Suspect) string {
	own, known := e.pages.Of(s.Name)
	others, more := e.pages.Others(s.Name)
	digits := func(v float64) string { return quantity.Digits(v) }
	const clearly = 1.5
	switch {
	case !known || !more || float64(min(own.Readings, others.Readings)) < e.w.Seconds()/2:
		return "" // seldom readings do not tell what was between them
	case own.WaitingMost >= 2 && own.WaitingMost >= clearly*others.WaitingMost:
		return fmt.Sprintf("; its queue held up to %s, that of another at most %s", quantity.Counted(int(own.WaitingMost), "request"), digits(others.WaitingMost))
	case own.Running >= 1 && own.Running >= clearly*others.Running:
		return fmt.Sprintf("; %s requests ran on it at once on average, %s on each of the others", digits(own.Running), digits(others.Running))
	}
	return fmt.Sprintf("; its queue was no longer than the others', up to %s, and %s requests ran on it at once on average", quantity.Counted(int(own.WaitingMost), "request"), digits(own.Running))
}
