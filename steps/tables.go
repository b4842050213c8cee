package steps

import (
	"errors"
	"slices"

	"github.com/cucumber/godog"
)

// judgeRest judges the tables that stand after the step that failed: godog skips
// them, and what is expected of a run is to be known whole. It returns what of it is
// not met.
func (w *world) judgeRest() error {
	failed := slices.IndexFunc(w.pickle.Steps, func(step *godog.Step) bool { return step.Id == w.failedAt })
	if failed < 0 || w.run == nil {
		return nil
	}
	var errs []error
	for _, step := range w.pickle.Steps[failed+1:] {
		if step.Argument == nil || step.Argument.DataTable == nil {
			continue
		}
		w.step = step
		switch table := step.Argument.DataTable; step.Text {
		case "these objectives are met:":
			errs = append(errs, w.objectivesAreMet(table))
		case agreementSentence:
			errs = append(errs, w.clientAndServerAgree(table))
		}
	}
	return errors.Join(errs...)
}
