package steps

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// agreementSentences hold the client's figures against the server's own.
func agreementSentences() []entry {
	return []entry{
		{Pattern: `^client and server agree on:$`, Do: (*judgement).clientAndServerAgree, Rows: reconcile.Parse, Judges: experiment.Agreement, Late: true,
			Doc: `Holds what the client counted against the server's own metrics, from before the load until after the last
				answer, warm-up included: requests, prompt tokens, output tokens, answers ended by stop or by length, HTTP
				errors, mean TTFT, mean E2E latency; these two since requests were sent.`},
		{Pattern: `^client and server do not agree on ([^:]+)$`, Do: (*judgement).clientAndServerDisagree, Judges: experiment.Agreement, Ahead: disagreementAhead,
			Doc: `Is for the harness's tests of itself: this must differ.`},
		{Pattern: `^the reason names "([^"]*)"$`, Do: (*judgement).reasonNames,
			Doc: `Is for the harness's tests of itself: the cause of what was judged last must say so. It holds these words.`},
	}
}

func (j *judgement) clientAndServerAgree(rows []harness.Objective) error {
	verdicts, err := j.heldAgainst(rows...)
	if err != nil {
		return err
	}
	return j.failing(verdicts)
}

func (j *judgement) clientAndServerDisagree(s said, on string) error {
	o, err := disagreement(s, on)
	if err != nil {
		return err
	}
	verdicts, err := j.heldAgainst(o)
	if err == nil && verdicts[0].Outcome != slo.Missed {
		err = fmt.Errorf("%s: expected them to differ\n  %s", o.Where, experiment.Explain(verdicts[0]))
	}
	return err
}

// disagreement is a row that must not be met.
func disagreement(s said, on string) (harness.Objective, error) {
	o, err := reconcile.Parse(on, "to within 0.1%")
	o.Where = s.At()
	return o, err
}

// disagreementAhead reads it before the load.
func disagreementAhead(_ *world, s said) (experiment.Question, error) {
	o, err := disagreement(s, s.Args[0])
	return experiment.Question{Kind: s.Judges, Rows: []harness.Objective{o}}, err
}

func (j *judgement) heldAgainst(rows ...harness.Objective) ([]slo.Verdict, error) {
	if !j.ran() {
		return nil, errors.New("there is nothing to hold against each other yet; add: When the load runs for 5 minutes")
	}
	return j.experiment.Judge(experiment.Question{Kind: experiment.Agreement, Rows: rows})
}

func (j *judgement) reasonNames(words string) error {
	var verdicts []slo.Verdict
	if j.experiment != nil {
		verdicts = j.experiment.Verdicts()
	}
	if len(verdicts) == 0 {
		return errors.New(`nothing was judged yet; write before it: Then the objective "p99 TTFT at most 500 ms" is missed`)
	}
	last := verdicts[len(verdicts)-1]
	if !strings.Contains(last.Cause.String(), words) {
		return fmt.Errorf("%s: expected %q in the reason, which is: %s", last.Where, words, last.Cause)
	}
	return nil
}
