package steps

import (
	"context"
	"errors"
	"fmt"

	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/phrases"
)

// parts are what sentences work on.
func (w *world) parts(ctx context.Context, s said) []any {
	return []any{ctx, s, w, &w.scenario, &w.target, &w.workload, &w.load, &w.patience, &w.measurement, &w.design, &w.arms, &w.judgement}
}

// carryOut does what the step says that the scenario has come to.
func (w *world) carryOut(ctx context.Context) error {
	s, ok := w.read(w.step)
	if !ok {
		return fmt.Errorf("%s: %w", w.Where(w.step.AstNodeIds), w.vocabulary.Check(w.step.Text, phrases.All()))
	}
	return s.Call(w.parts(ctx, s)...)
}

// read finds the sentence that reads a step; ok is false where there is none, which was said before anything ran.
func (w *world) read(step *messages.PickleStep) (of said, ok bool) {
	return w.vocabulary.Read(step, w.Where)
}

// judgeRest judges the tables that stand after the step that failed: godog skips them, and what is
// expected of a run is to be known whole. It returns what of it is not met.
func (w *world) judgeRest() error {
	failed := false
	var errs []error
	for _, step := range w.pickle.Steps {
		if s, ok := w.read(step); failed && ok && s.Late && s.Table != nil && w.ran() {
			errs = append(errs, s.Call(w.parts(context.Background(), s)...))
		}
		failed = failed || step.Id == w.failedAt
	}
	return errors.Join(errs...)
}

// judges reports whether a sentence of the scenario has something of this kind judged.
func (w *world) judges(kind experiment.QuestionKind) bool {
	for _, step := range w.pickle.Steps {
		if s, ok := w.read(step); ok && s.Judges == kind {
			return true
		}
	}
	return false
}
