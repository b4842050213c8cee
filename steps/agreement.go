package steps

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

func (w *world) registerAgreement(sc sentences) {
	sc.Step(`^client and server agree on:$`, w.clientAndServerAgree)
	sc.Step(`^client and server do not agree on ([^:]+)$`, w.clientAndServerDisagree)
	sc.Step(`^the reason names "([^"]*)"$`, w.reasonNames)
}

const agreementSentence = "client and server agree on:"

// clientAndServerAgree holds what the client counted against the server's own
// metrics, from before the load until after the last answer, warm-up included:
// requests, prompt tokens, output tokens, answers ended by stop or by length, HTTP
// errors, mean TTFT, mean E2E latency; these two since requests were sent.
func (w *world) clientAndServerAgree(table *godog.Table) error {
	rows, err := w.objectives(table, slo.ParseAgreement)
	if err != nil {
		return err
	}
	verdicts, err := w.heldAgainst(rows...)
	if err != nil {
		return err
	}
	return w.failing(verdicts)
}

// clientAndServerDisagree is for the harness's tests of itself: this must differ.
func (w *world) clientAndServerDisagree(on string) error {
	o, err := slo.ParseAgreement(on, "to within 0.1%")
	if err != nil {
		return err
	}
	o.Where = w.suite.where(w.step.AstNodeIds)
	verdicts, err := w.heldAgainst(o)
	if err == nil && verdicts[0].Outcome != slo.Missed {
		err = fmt.Errorf("%s: expected them to differ\n  %s", o.Where, explain(verdicts[0]))
	}
	return err
}

func (w *world) heldAgainst(rows ...harness.Objective) ([]slo.Verdict, error) {
	if w.run == nil {
		return nil, errors.New("there is nothing to hold against each other yet; add: When the load runs for 5 minutes")
	}
	var verdicts []slo.Verdict
	for _, o := range rows {
		verdicts = append(verdicts, slo.WorstRow(o, w.audited))
	}
	w.note(verdicts)
	return verdicts, nil
}

// disagreements are what client and server say otherwise of each other's work, as
// warnings; they are looked for in every run.
func (w *world) disagreements() (warnings []string) {
	if w.accounts == nil {
		return nil
	}
	for _, a := range w.accounts.Agreements() {
		if a.Outcome == string(slo.Missed) {
			warnings = append(warnings, "client and server do not agree on "+slo.AgreementSentence(a))
		}
	}
	return warnings
}

func (w *world) expectsAgreement() bool {
	return slices.ContainsFunc(w.pickle.Steps, func(step *messages.PickleStep) bool {
		return step.Text == agreementSentence || strings.HasPrefix(step.Text, "client and server do not agree on ")
	})
}

// reasonNames is for the harness's tests of itself: the cause of what was judged last
// must say so. It holds these words.
func (w *world) reasonNames(words string) error {
	verdicts := w.verdicts
	if w.whole != nil {
		verdicts = w.whole.verdicts
	}
	if len(verdicts) == 0 {
		return errors.New(`nothing was judged yet; write before it: Then the objective "p99 TTFT at most 500 ms" is missed`)
	}
	last := verdicts[len(verdicts)-1]
	if !strings.Contains(last.Cause, words) {
		return fmt.Errorf("%s: expected %q in the reason, which is: %s", last.Where, words, last.Cause)
	}
	return nil
}
