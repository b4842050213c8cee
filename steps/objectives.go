package steps

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/reports"
)

func (w *world) registerObjectives(sc sentences) {
	sc.Step(`^these objectives are met:$`, w.objectivesAreMet)
	sc.Step(`^the objective "([^"]*)" is (missed|unknown)$`, w.objectiveIs)
	sc.Step(`^the run is abandoned$`, w.isAbandoned)
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

// isAbandoned is for the harness's tests of itself: the run must have been given up.
func (w *world) isAbandoned() error {
	if w.run == nil || !strings.HasPrefix(w.run.Stopped, harness.Abandoned) {
		return errors.New("the run went on to its end")
	}
	w.givenUp = true
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

// lookAhead reads the expectations before the load: a row that cannot be judged
// must not cost the time of a run, and the audit of the client wants to know
// how tight the limits are.
func (w *world) lookAhead() error {
	current, found := w.step, false
	defer func() { w.step = current }()
	for _, step := range w.pickle.Steps {
		w.step = step
		var rows []harness.Objective
		var err error
		if written := objectiveSentence.FindStringSubmatch(step.Text); written != nil {
			rows = make([]harness.Objective, 1)
			if rows[0], err = parseObjective(written[1]); err != nil {
				err = fmt.Errorf("%s: %w", w.suite.where(step.AstNodeIds), err)
			}
			rows[0].Where = w.suite.where(step.AstNodeIds)
		} else if (step.Text == "these objectives are met:" || metAtSentence.MatchString(step.Text)) && step.Argument != nil {
			rows, err = w.objectivesAt(step)
		} else if thatSentence.MatchString(step.Text) {
			err, found = w.expectsOfSearch(step), true
		} else if comparing.MatchString(step.Text) {
			err = w.comparisonAhead(step)
		}
		if err != nil {
			return err
		}
		w.scenario.Objectives = append(w.scenario.Objectives, rows...)
	}
	switch {
	case w.sought != nil && !found:
		return errors.New("nothing is expected of this search; add: Then that rate is at least 24 per second")
	case w.sought == nil && len(w.scenario.Objectives)+len(w.comparisons) == 0 && !w.expectsToBeAbandoned() && !w.expectsAgreement():
		return errors.New("nothing is expected of this load; add: Then these objectives are met: | p99 TTFT | at most 500 ms |")
	}
	return w.classesExist(slices.Concat(w.scenario.Objectives, w.scenario.Good, w.abandon, w.comparisons))
}

func (w *world) expectsToBeAbandoned() bool {
	return slices.ContainsFunc(w.pickle.Steps, func(step *godog.Step) bool { return step.Text == "the run is abandoned" })
}

var objectiveSentence = regexp.MustCompile(`^the objective "([^"]*)" is `)

func (w *world) judge(objectives []harness.Objective) ([]slo.Verdict, error) {
	if w.run == nil {
		return nil, fmt.Errorf("there is nothing to judge yet; add: When the load runs for 5 minutes")
	}
	if w.whole != nil {
		return w.whole.judge(objectives)
	}
	verdicts := w.measured().Judge(objectives)
	slo.Explain(verdicts, w.measured())
	w.verdicts = append(w.verdicts, verdicts...)
	return verdicts, nil
}

// failing is the error that names every row that is not met.
func (w *world) failing(verdicts []slo.Verdict) error {
	var rows []string
	missed := 0
	for _, v := range verdicts {
		switch {
		case v.Outcome == slo.Met:
		case v.Outcome == slo.Unknown && w.suite.env.Lenient:
			w.warn(reports.LetPassAs + explain(v))
		default:
			if v.Outcome == slo.Missed {
				missed++
			}
			rows = append(rows, "  "+explain(v))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d objectives are not met: %s\n%s", len(rows), len(verdicts), split(missed, len(rows)-missed), strings.Join(rows, "\n"))
}

// split says how many are missed and how many unknown.
func split(missed, unknown int) string {
	switch {
	case unknown == 0:
		return fmt.Sprintf("%d missed", missed)
	case missed == 0:
		return fmt.Sprintf("%d unknown", unknown)
	}
	return fmt.Sprintf("%d missed, %d unknown", missed, unknown)
}

// explain is a verdict in one line, with its cause, its notes and where it was asked
// for.
func explain(v slo.Verdict) string {
	line := v.Sentence()
	if v.Outcome == slo.Missed && v.Cause != "" {
		line += ", because " + v.Because()
	}
	for _, note := range v.Notes { // they say what keeps an unknown one from being known
		line += "; " + note
	}
	return line + " (" + v.Where + ")"
}
