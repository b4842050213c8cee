package steps

import (
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// tellGitHub gives the step of GitHub's that runs the tests a summary of what this process ran, and the lines
// of scenarios that are not met annotations.
func (s *Suite) tellGitHub(ran ci.Results) (err error) {
	if s.env.Summary != "" {
		err = ci.AppendSummary(s.env.Summary, string(s.secrets.OwnFile("summary.md", []byte(ci.Summary(ran)))))
	}
	if s.env.Annotate {
		if s.refused != nil {
			s.output.command(ci.RefusedAnnotation(s.refused, s.cutShort()))
		}
		for _, t := range ran.Told {
			if line := t.Annotation(); line != "" {
				s.output.command(s.secrets.Own(line))
			}
		}
	}
	return err
}

// noteResult keeps what CI systems are shown of the scenario, which has ended with this
// error: also of one that failed before there was anything to judge.
func (w *world) noteResult(cause error) {
	t := w.result
	if t == nil {
		t = &ci.ScenarioResult{Scenario: w.pickle.Name, Where: w.scenario.Where, Outcome: ci.Failed, Target: w.measuredTarget()}
		if cause != nil {
			t.Headline = reports.NotJudged(t.Target, cause)
		}
	}
	if t.Passed = cause == nil; cause != nil {
		t.Failure, t.Step = cause.Error(), w.lastStep
	}
	w.suite.locateResult(t, w.pickle)
	t.Began, t.Took = w.began, w.suite.clock.now().Sub(w.began)
	w.suite.told = append(w.suite.told, *t)
}
