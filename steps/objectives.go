package steps

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// objectivesSentences judge the run.
func objectivesSentences(rows grammar) []entry {
	return []entry{
		{Pattern: objectivesMetPattern, Do: (*judgement).objectivesAreMet, Rows: rows.Parse, Judges: experiment.Objectives, Ahead: objectivesAhead, Late: true,
			Doc: `Judges every row and reports all that are not met together.`},
		{Pattern: `^the objective "([^"]*)" is (missed|unknown)$`, Do: (*judgement).objectiveIs, Judges: experiment.Objectives, Ahead: objectiveAhead,
			Doc: `Is for the harness's tests of itself: this objective must not be met.`},
		{Pattern: `^the run is abandoned$`, Do: (*judgement).isAbandoned, Judges: abandonment,
			Doc: `Is for the harness's tests of itself: the run must have been given up.`},
	}
}

// A judgement is what a run is judged by: the experiment that was carried out, and how strictly.
type judgement struct {
	experiment *experiment.Experiment // nil: nothing was run yet
	lenient    bool                   // an unknown verdict is a warning
}

// ran reports whether there is a run to judge.
func (j *judgement) ran() bool { return j.experiment != nil && j.experiment.Ran() }

func (j *judgement) objectivesAreMet(rows []harness.Objective) error {
	verdicts, err := j.judge(rows)
	if err != nil {
		return err
	}
	return j.failing(verdicts)
}

func (j *judgement) objectiveIs(s said, written, outcome string) error {
	o, err := parseObjective(written)
	if err != nil {
		return err
	}
	o.Where = s.At()
	verdicts, err := j.judge([]harness.Objective{o})
	if err != nil {
		return err
	}
	v := verdicts[0]
	if string(v.Outcome) != outcome {
		return fmt.Errorf("%s: expected %s\n  %s", o.Where, outcome, experiment.Explain(v))
	}
	return nil
}

func (j *judgement) isAbandoned() error {
	if j.experiment == nil || !j.experiment.StoppedEarly() {
		return errors.New("the run went on to its end")
	}
	return nil
}

// parseObjective splits a row that was written as one sentence.
func parseObjective(written string) (harness.Objective, error) {
	subject, expectation, err := slo.SplitRow(written)
	if err != nil {
		return harness.Objective{}, err
	}
	return slo.Parse(subject, expectation)
}

// lookAhead reads the expectations before the load: a row that cannot be judged
// must not cost the time of a run, and the audit of the client wants to know
// how tight the limits are.
func (w *world) lookAhead() error {
	if w.rehearsal != nil && w.rehearsal.unread {
		return nil
	}
	var errs []error
	for _, step := range w.pickle.Steps {
		s, ok := w.read(step)
		if !ok {
			continue // it was refused before
		}
		asked, err := s.AskedAhead(w)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		w.expect(asked)
		switch asked.Kind {
		case experiment.Objectives:
			w.scenario.Objectives = append(w.scenario.Objectives, asked.Rows...)
		case experiment.Baseline, experiment.Other:
			w.comparisons = append(w.comparisons, asked.Rows...)
		}
	}
	switch {
	case len(errs) > 0:
		return errors.Join(errs...)
	case w.design.searchRange != nil && !w.judges(experiment.Capacity):
		return errors.New("nothing is expected of this search; add: Then that rate is at least 24 per second")
	case w.design.searchRange == nil && len(w.scenario.Objectives)+len(w.comparisons) == 0 && !w.judges(abandonment) && !w.judges(experiment.Agreement):
		return errors.New("nothing is expected of this load; add: Then these objectives are met: | p99 TTFT | at most 500 ms |")
	}
	return w.fit(slices.Concat(w.scenario.Objectives, w.scenario.Good, w.measurement.abandon, w.comparisons))
}

// expect notes what a step will have judged.
func (w *world) expect(asked experiment.Question) {
	if len(asked.Rows) > 0 {
		w.expected = append(slices.Clip(w.expected), asked)
	}
}

// abandonment is what is expected of a run that must be abandoned. No rows are judged by it.
const abandonment experiment.QuestionKind = "abandonment"

// objectivesAhead reads rows of objectives before the load.
func objectivesAhead(w *world, s said) (asked experiment.Question, err error) {
	if w.design.searchRange != nil {
		return asked, sentence.Placed(s.At(), errors.New("a search judges the rows that it seeks for; write: Then that rate is at least 24 per second"))
	}
	asked.Kind = experiment.Objectives
	asked.Rows, err = s.Objectives()
	return asked, err
}

// objectiveAhead reads an objective that is written as one sentence.
func objectiveAhead(_ *world, s said) (asked experiment.Question, err error) {
	o, err := parseObjective(s.Args[0])
	if err != nil {
		return asked, sentence.Placed(s.At(), err)
	}
	o.Where = s.At()
	return experiment.Question{Kind: experiment.Objectives, Rows: []harness.Objective{o}}, nil
}

func (j *judgement) judge(objectives []harness.Objective) ([]slo.Verdict, error) {
	if !j.ran() {
		return nil, fmt.Errorf("there is nothing to judge yet; add: When the load runs for 5 minutes")
	}
	return j.experiment.Judge(experiment.Question{Kind: experiment.Objectives, Rows: objectives})
}

// failing is the error that names every row that is not met.
func (j *judgement) failing(verdicts []slo.Verdict) error {
	return j.experiment.Unmet(verdicts, j.lenient)
}
