package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
	"github.com/vllmspec/vllmspec/steps/internal/target"
)

// A rehearsal is a scenario that is gone through up to its load, which is not run.
type rehearsal struct {
	plan    experiment.Plan // of the load; zero: it did not come to it
	checked map[string]bool // files of prompts that were checked: what is wrong with one is said once
	unread  bool            // a sentence of the scenario is not read, so that what will be judged is not known
}

// Plan reads a scenario as far as that can be done without a server, and runs nothing: its sentences, and the files
// that it draws from or is compared with. The error is all that is wrong, each mistake with its place; what [Reader.Check]
// finds is not said again, and a scenario with such a mistake has no plan. In needs no Ended.
func (r *Reader) Plan(pickle *godog.Scenario, in Setting) (experiment.Plan, error) {
	w := r.world(in)
	w.begin(pickle)
	w.rehearsal = &rehearsal{checked: r.checked}
	w.workload.rehearsal = w.rehearsal
	var errs []error
	runs, unread := 0, false
	w.rehearsal.unread = slices.ContainsFunc(pickle.Steps, func(step *godog.Step) bool { return w.misread(step, in.Virtual) })
	for _, step := range pickle.Steps {
		unread = unread || w.misread(step, in.Virtual)
		s, ok := w.read(step)
		if !ok || s.CheckRows() != nil {
			continue
		}
		if s.Runs {
			runs++
		}
		switch {
		case runs > 1 && s.Runs:
			errs = append(errs, sentence.Placed(s.At(), errRanAlready))
		case runs > 0 && !s.Runs, s.Runs && (unread || len(errs) > 0): // what it lacks was said
		default:
			w.step = step
			err := s.Call(w.parts(context.Background(), s)...)
			if err != nil && !(unread && errors.Is(err, target.ErrNotSimulated)) {
				errs = append(errs, sentence.Placed(s.At(), err))
			}
		}
	}
	if runs == 0 && !unread && len(pickle.Steps) > 0 { // an empty one is shown as a case of its own
		errs = append(errs, sentence.Placed(w.scenario.Where, errNoLoad))
	}
	return w.rehearsal.plan, errors.Join(append(errs, w.workload.close())...)
}

// misread reports whether [Reader.Check] refuses a step.
func (w *world) misread(step *godog.Step, onMock bool) bool {
	s, ok := w.read(step)
	return !ok || s.CheckRows() != nil || s.Check != nil && s.Check(s.Args, onMock) != nil
}

// take has the plan of the load looked at.
func (r *rehearsal) take(plan experiment.Plan) error {
	r.plan = plan
	return plan.Check()
}

// checkOnce checks a file of prompts, unless that was done before. How it is read is part of its name.
func (r *rehearsal) checkOnce(file fmt.Stringer, virtual bool, check func() error) error {
	key := fmt.Sprintf("%v %v", file, virtual)
	if r.checked[key] {
		return nil
	}
	r.checked[key] = true
	return check()
}
