package suite

import (
	"time"

	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/ci"
	"github.com/vllmspec/vllmspec/steps"
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

// noteResult shows what became of a scenario that began at this time, and keeps what CI systems are shown of
// it: also of one that failed before there was anything to judge.
func (s *Suite) noteResult(began time.Time, r steps.Result) {
	t := ci.ScenarioResult{Scenario: r.Scenario.Name, Where: r.Where, Outcome: ci.Failed, Target: s.measured(r), Passed: r.Err == nil, Began: began}
	switch of := r.Summary; {
	case of != nil:
		s.tabulate(t.Scenario, of)
		t.Outcome, t.Headline, t.Objectives, t.Report = of.Outcome, of.Headline, of.Objectives, of.Report
		t.LetPass = reports.LetPass(r.Experiment.Warnings())
	case r.Err != nil:
		t.Headline = reports.NotJudged(t.Target, r.Err)
	}
	if r.Err != nil {
		t.Failure, t.Step = r.Err.Error(), r.LastStep
	}
	s.locateResult(&t, r.Scenario)
	t.Took = s.clock.now().Sub(began)
	s.told = append(s.told, t)
}
