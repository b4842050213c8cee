package steps

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"regexp"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/origin"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/internal/digest"
)

// A Setting is where a scenario is run: what it is carried out with, and how its feature is. Session, Where
// and Ended must be set.
type Setting struct {
	Session   *experiment.Session
	Files     *origin.Origins // the user's files, by the names that scenarios give them
	Feature   string          // its file as paths are shown, with slashes
	Title     string          // of the feature; "": it has none
	Folder    string          // that the file lies in
	Virtual   bool            // it runs in virtual time, in a bubble of testing/synctest
	Live      bool            // scenarios that do not ask for a simulated server run in real time
	Lenient   bool            // an unknown verdict is a warning
	Where     Where
	Sentences func(*godog.Scenario) []string // of a scenario, with the rows of their tables; nil: none are kept
	Ended     func(Result)                   // is called when the scenario has ended
}

// A Result is what became of a scenario.
type Result struct {
	Scenario   *godog.Scenario
	Where      string                 // it stands
	LastStep   string                 // that was run: the one that failed, where one did
	Target     experiment.Target      // as its sentences name it
	Experiment *experiment.Experiment // nil: it ran no load
	Summary    *experiment.Summary    // nil: it did not come to be judged
	Err        error                  // nil: it passed
}

// A world is one scenario as its sentences have described it so far, and what
// came of running it.
type world struct {
	Setting
	vocabulary  vocabulary
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
	failedAt string      // the id of the first step that failed
	lastStep string      // that was run: the one that failed, where one did
	step     *godog.Step // being run: where its rows stand in the file

	rehearsal *rehearsal // nil: the load is run

	expected    []experiment.Question // what the scenario will have judged, read before its load
	comparisons []harness.Objective   // rows that other runs are held against
}

// world is a scenario of which nothing was said yet.
func (r *Reader) world(in Setting) *world {
	return &world{Setting: in, vocabulary: r.vocabulary, workload: workload{own: r.own.Datasets, userFiles: cmp.Or(in.Files, new(origin.Origins)), files: digest.Files{}, virtual: in.Virtual}, judgement: judgement{lenient: in.Lenient}}
}

// begin says which scenario it is.
func (w *world) begin(pickle *godog.Scenario) {
	w.pickle = pickle
	w.scenario.Name, w.scenario.Where, w.scenario.Seed = pickle.Name, w.Where(pickle.AstNodeIds), seedOf(pickle.Name)
	if w.Sentences != nil {
		w.scenario.Sentences = w.Sentences(pickle)
	}
}

// Bind has godog carry out a scenario as its sentences say.
func (r *Reader) Bind(sc *godog.ScenarioContext, in Setting) {
	w := r.world(in)
	sc.Before(func(ctx context.Context, pickle *godog.Scenario) (context.Context, error) {
		w.begin(pickle)
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
		return ctx, w.end(err)
	})
	sc.Step(regexp.MustCompile(``), w.carryOut) // the vocabulary says what a step means, not godog
}

// end judges what is left to judge, has the scenario written down, and lets go of what it held. cause is the
// error of the sentence that failed; the one that it returns is what went wrong beside it.
func (w *world) end(cause error) error {
	var shown error
	if cause != nil {
		shown = w.judgeRest()
	}
	if cause == nil && !w.ran() {
		shown = errNoLoad
	}
	shown = errors.Join(shown, w.interrupted(errors.Join(cause, shown)))
	summary, err := w.finish(errors.Join(cause, shown))
	ended := errors.Join(shown, err, w.workload.close())
	ended = errors.Join(ended, w.interrupted(errors.Join(cause, ended))) // meanwhile
	w.Ended(Result{Scenario: w.pickle, Where: w.scenario.Where, LastStep: w.lastStep, Target: w.target, Experiment: w.experiment, Summary: summary, Err: errors.Join(cause, ended)})
	*w = world{} // godog keeps what it is bound to until the feature ends
	return ended
}

var errNoLoad = errors.New("the scenario runs no load, and so shows nothing; add: When the load runs for 5 minutes")

// finish writes what the scenario leaves behind, whatever came of it.
func (w *world) finish(cause error) (*experiment.Summary, error) {
	if w.experiment == nil {
		return nil, nil
	}
	return w.experiment.Finish(cause)
}

// interrupted is the error of a scenario that was interrupted, whatever did it: it fails, also where
// what is unknown is let pass, because it did not show what it was to show. It is nil where the
// error that the scenario ended with says so already.
func (w *world) interrupted(cause error) error {
	if w.experiment != nil {
		w.experiment.NoteInterrupt()
	}
	stopped := w.stopped()
	if _, said := errors.AsType[harness.Interruption](cause); said || stopped.Kind != harness.StopInterrupted {
		return nil
	}
	return stopped.Err()
}

// stopped is why the scenario ended before its time; the zero value where it did not, or has not.
func (w *world) stopped() harness.Stop {
	if w.experiment != nil {
		return w.experiment.Stopped()
	}
	if by, interrupted := w.Session.Interrupted(); interrupted {
		return harness.Stop{Kind: harness.StopInterrupted, Detail: string(by)}
	}
	return harness.Stop{}
}

// seedOf is the default seed: the FNV-1a hash of the scenario's name, so that a
// scenario is the same load every time, and another scenario another one.
func seedOf(name string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, name)
	return h.Sum64()
}
