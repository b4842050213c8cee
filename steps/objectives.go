package steps

import (
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

func (w *world) registerObjectives(sc *godog.ScenarioContext) {
	sc.Step(`^these objectives are met:$`, w.objectivesAreMet)
	sc.Step(`^the objective "([^"]*)" is (missed|unknown)$`, w.objectiveIs)
}

// objectivesAreMet judges every row and reports all that are not met together.
func (w *world) objectivesAreMet(table *godog.Table) error {
	objectives, err := w.objectives(table, slo.Parse)
	if err != nil {
		return err
	}
	verdicts, err := w.judge(objectives)
	if err != nil {
		return err
	}
	return w.failing(verdicts)
}

// objectiveIs is for the harness's tests of itself: this objective must not be met.
func (w *world) objectiveIs(written, outcome string) error {
	o, err := parseObjective(written)
	if err != nil {
		return err
	}
	o.Where = w.suite.where(w.step.AstNodeIds)
	verdicts, err := w.judge([]harness.Objective{o})
	if err != nil {
		return err
	}
	v := verdicts[0]
	if string(v.Outcome) != outcome {
		return fmt.Errorf("%s: expected %s\n  %s", o.Where, outcome, explain(v))
	}
	return nil
}

// parseObjective splits a row that was written as one sentence.
func parseObjective(written string) (harness.Objective, error) {
	for _, relation := range []string{" at most ", " at least ", " exactly ", " between ", " none"} {
		if i := strings.Index(written, relation); i > 0 {
			return slo.Parse(written[:i], strings.TrimSpace(written[i:]))
		}
	}
	return harness.Objective{}, fmt.Errorf(`%q is no objective; write "p99 TTFT at most 500 ms"`, written)
}

func (w *world) judge(objectives []harness.Objective) ([]slo.Verdict, error) {
	if w.run == nil {
		return nil, fmt.Errorf("there is nothing to judge yet; add: When the load runs for 5 minutes")
	}
	// The run carries its objectives, which the audit of the client looks at.
	w.scenario.Objectives = append(w.scenario.Objectives, objectives...)
	w.run.Scenario.Objectives = w.scenario.Objectives
	verdicts := slo.Judge(w.run, objectives)
	w.verdicts = append(w.verdicts, verdicts...)
	return verdicts, nil
}

// failing is the error that names every row that is not met.
func (w *world) failing(verdicts []slo.Verdict) error {
	var rows []string
	for _, v := range verdicts {
		switch {
		case v.Outcome == slo.Met:
		case v.Outcome == slo.Unknown && w.suite.env.Lenient:
			w.run.Warnings = append(w.run.Warnings, "unknown, and let pass as VLLMSPEC_UNKNOWN=warn asks: "+explain(v))
		default:
			rows = append(rows, "  "+explain(v))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d objectives are not met:\n%s", len(rows), len(verdicts), strings.Join(rows, "\n"))
}

// explain is a verdict in one line, with its notes and where it was asked for.
func explain(v slo.Verdict) string {
	line := v.Sentence()
	for _, note := range v.Notes {
		line += "; " + note
	}
	return line + " (" + v.Where + ")"
}
