package metric

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Check says what of a row contradicts itself. What a source does is never a second field of the
// row; only its unit and the formula that readers see are, and so they are held to it here.
func Check(m Metric) error {
	var faults []error
	fault := func(is bool, format string, args ...any) {
		if is {
			faults = append(faults, fmt.Errorf(m.Name+": "+format, args...))
		}
	}
	fault(m.Name == "" || m.Formula == "" || m.Unit == "", "a row has a name, a unit and a formula")
	fault(strings.Contains(m.Formula, "÷ output tokens") && !m.NeedsTokenCounts(), "it is divided by tokens, and its source is not")
	unit := unitOf(m.Source)
	fault(unit != "" && m.Unit != unit, "its source is in %q, not in %q", unit, m.Unit)
	switch of := m.Source.(type) {
	case nil:
		fault(true, "it has no source")
	case Latency:
		fault(of.To <= of.From, "it ends before it begins")
		fault(of.From == DueAt && !strings.Contains(m.Formula, "− due"), "it counts from when a request was due, and its formula does not")
		fault(of.From == SentAt && !strings.Contains(m.Formula, "− sent"), "it counts from when a request was sent, and its formula does not")
		fault(of.Per.countsTokens() && !strings.Contains(m.Formula, "output tokens"), "it is divided by tokens, and its formula is not")
		fault(of.Per != Undivided && of.To < LastChunk, "how many tokens an answer has is known at its end")
		fault(of.Per == LaterToken && of.From < FirstChunk, "the first token belongs to the time before the first chunk")
	case Total:
		fault(of.Of == 0, "it counts nothing")
		fault(of.PerSecond != (m.Unit == quantity.PerSecond || m.Unit == quantity.TokensPerSecond || m.Unit == quantity.SecondsPerSecond), "it is by the second, or its unit is")
	case Attainment:
		fault(of.PerSecond != (m.Unit == quantity.PerSecond), "it is by the second, or its unit is")
	case OwnTime:
		fault(of.Of == nil || of.Column == "", "it is no time of a request, or stands nowhere")
	case RequestCount:
		fault(of.Of == nil || of.Column == "", "it is no count of a request, or stands nowhere")
	case Gauge:
		fault(of.Feed == "" || of.Series == "" || of.Absence() == Absence{}, "it is no series, or nothing says why it may be absent")
	case Counter:
		fault(UsualAbsence(of.Feed) == Absence{} || of.Series == "", "it is no series, or nothing says why it may be absent")
	}
	return errors.Join(faults...)
}
