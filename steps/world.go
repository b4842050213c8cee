package steps

import (
	"context"
	"errors"
	"time"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/reports/ci"
)

// A world is one scenario as its sentences have described it so far, and what
// came of running it.
type world struct {
	suite       *Suite
	scenario    harness.Scenario
	target      experiment.Target
	workload    workload
	load        loadSpec
	patience    patience
	measurement measurement
	design      design
	arms        arms
	judgement

	pickle   *godog.Scenario
	began    time.Time   // on the wall clock
	failedAt string      // the id of the first step that failed
	lastStep string      // that was run: the one that failed, where one did
	step     *godog.Step // being run: where its rows stand in the file

	expected    []experiment.Question // what the scenario will have judged, read before its load
	comparisons []harness.Objective   // rows that other runs are held against

	result *ci.ScenarioResult // nil: it did not come to be judged
}

// register gives each scenario a world of its own.
func (s *Suite) register(sc *godog.ScenarioContext) {
	w := &world{suite: s, workload: workload{env: &s.env, virtual: s.inBubble}, judgement: judgement{lenient: s.env.Lenient}}
	sc.Before(func(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
		w.pickle = pickle
		w.scenario.Name = pickle.Name
		w.began = s.clock.now()
		w.scenario.Where = s.where(pickle.AstNodeIds)
		w.scenario.Seed = seedOf(pickle.Name)
		return ctx, nil
	})
	sc.StepContext().Before(func(ctx context.Context, step *godog.Step) (context.Context, error) {
		w.step = step
		return ctx, nil
	})
	sc.StepContext().After(func(ctx context.Context, step *godog.Step, status godog.StepResultStatus, err error) (context.Context, error) {
		if status == godog.StepFailed && w.failedAt == "" {
			w.failedAt = step.Id
		}
		if status != godog.StepSkipped {
			w.lastStep = step.Text
		}
		return ctx, nil
	})
	sc.After(func(ctx context.Context, _ *godog.Scenario, err error) (context.Context, error) {
		var shown error
		if err != nil {
			shown = w.judgeRest()
		}
		if err == nil && !w.ran() {
			shown = errors.New("the scenario runs no load, and so shows nothing; add: When the load runs for 5 minutes")
		}
		shown = errors.Join(shown, w.interrupted(errors.Join(err, shown)))
		ended := errors.Join(shown, w.finish(errors.Join(err, shown)), w.workload.close())
		ended = errors.Join(ended, w.interrupted(errors.Join(err, ended))) // meanwhile
		w.noteResult(errors.Join(err, ended))
		w.forget()
		return ctx, ended
	})
	w.bind(sc)
}

// finish writes what the scenario leaves behind, whatever came of it.
func (w *world) finish(cause error) error {
	if w.experiment == nil {
		return nil
	}
	summary, err := w.experiment.Finish(cause)
	w.tabulate(summary)
	return err
}

// forget lets go of what the scenario held, its run above all: godog keeps each sentence that
// matched, with the world that it is bound to, until the feature ends.
func (w *world) forget() { *w = world{suite: w.suite} }

// seedOf is the default seed: the FNV-1a hash of the scenario's name, so that a
// scenario is the same load every time, and another scenario another one.
func seedOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
