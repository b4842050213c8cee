package experiment

import (
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// remarkAhead tells the reader before the load, once for an experiment, the rate of a trace, which
// parts of files are left out or not sent, and that a load will end early. It returns those remarks
// that belong to the warnings of the run.
func (t *trial) remarkAhead() (warnings []string) {
	if !t.of.remarked {
		for _, line := range t.of.plan.Remarks {
			t.of.session.say(line)
		}
	}
	if open, ok := t.scenario.Load.(harness.Open); ok && !t.of.remarked {
		if short := open.Foreseen(t.of.plan.LaterTurns); short != nil {
			t.of.session.say(slo.ShortfallText(short))
		}
	}
	t.of.remarked = true
	return slices.Clone(t.of.plan.Warnings)
}

// remarkAfter tells the reader what is odd about the answers and shows in no figure, and returns it for
// the warnings of the run.
func (t *trial) remarkAfter() []string {
	remarks := slo.Remarks(t.measured())
	for _, remark := range remarks {
		t.of.session.say(remark)
	}
	return remarks
}

// unexpectedHits is the share of prompt tokens that may be found in the prefix cache
// because conversations came again, before the reader is warned.
const unexpectedHits = 0.10

// surprises warns of conversations that came more than once, where the scenario does not
// say what is in the prefix cache.
func (t *trial) surprises() []string {
	if t.scenario.Cache != nil {
		return nil
	}
	different, err := dataset.Count(t.scenario.Dataset)
	drawn := t.measured().Conversations()
	if err != nil || drawn <= different {
		return nil
	}
	found, known := t.measured().Found()
	if again := 1 - float64(different)/float64(drawn); !known || t.scenario.Leftovers || t.of.plan.LaterTurns || min(found, again) < unexpectedHits {
		return []string{fmt.Sprintf("%d conversations were drawn from %d different ones; a prompt that comes again is found in the server's prefix cache", drawn, different)}
	}
	warning := fmt.Sprintf("%s of prompt tokens were found in the server's prefix cache because conversations came again (%s were drawn from %s): real users seldom repeat each other%s",
		quantity.Format(found, quantity.Ratio), quantity.Format(float64(drawn), quantity.Count), quantity.Format(float64(different), quantity.Count), clause(t.of.session.Remedies.ColdCache))
	t.of.warnOfCache(warning)
	return []string{warning}
}

// disagreements are the figures on which client and server do not agree, as warnings. They
// are looked for in every run.
func disagreements(ledger *ledger.Ledger) (warnings []string) {
	for _, a := range reconcile.Agreements(ledger) {
		if a.Outcome == slo.Missed {
			warnings = append(warnings, "client and server do not agree on "+reconcile.Sentence(a))
		}
	}
	return warnings
}
