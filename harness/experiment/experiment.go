package experiment

import (
	"context"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// An Experiment is a plan that is carried out, and what came of it.
type Experiment struct {
	session  *Session
	plan     Plan
	scenario harness.Scenario // of the plan, with its labels and the dataset of its first run

	one, other *endpoint // the servers, once they were reached
	last       *trial    // the run that is on, or the last one; nil before
	group      *group    // nil: the plan is one run
	gpus       []sampler.GPU
	ledgers    []*ledger.Ledger // of client and server, of every run

	warnings    []string // about the server, before the first run
	remarked    bool     // what a reader should know before the load was said
	cacheWarned bool     // the reader was warned about the prefix cache
	mayStop     bool     // that a run was stopped early is as the scenario expects it
}

// New is the experiment of a plan, which [Experiment.Run] carries out.
func (s *Session) New(plan Plan) *Experiment {
	e := &Experiment{session: s, plan: plan, scenario: plan.Scenario}
	if plan.Scenario.Dataset != nil {
		e.scenario.Dataset = e.plan.dataset(plan.Scenario.Seed, 0)
	}
	e.scenario.Labels = e.labels(plan.Target)
	return e
}

// Run carries the plan out, up to the end of its last load. The experiment is to be finished also
// where there is an error, or a panic: what was measured until then is stored.
func (e *Experiment) Run(ctx context.Context) error {
	if err := e.plan.Check(); err != nil {
		return err
	}
	switch design := e.plan.Design.(type) {
	case Sweep:
		return e.sweep(ctx, design)
	case Search:
		return e.search(ctx, design)
	}
	for _, line := range slo.Outlook(e.scenario, e.plan.times()) {
		e.session.say("before the load: " + line)
	}
	return e.onServer(ctx, slices.Repeat([]time.Duration{e.scenario.Load.Planned()}, e.plan.loads()), func(ctx context.Context) error {
		switch {
		case e.plan.Other != nil:
			return e.takeTurns(ctx)
		case e.plan.several():
			return e.repeat(ctx)
		}
		t := &trial{of: e, scenario: e.scenario, on: e.one, warnings: e.warnings}
		return t.measure(ctx)
	})
}

// onServer reaches the server, and does with it what takes loads of these lengths.
func (e *Experiment) onServer(ctx context.Context, loads []time.Duration, do func(context.Context) error) (err error) {
	ctx, cancel := e.session.interruptible(ctx, e.plan)
	defer cancel()
	if err := e.session.fitsDeadline(e.plan, loads); err != nil {
		return err
	}
	if e.session.Place.replays() {
		e.one = unserved(e)
		return do(ctx)
	}
	defer func() { e.one.leave() }()
	before := len(e.warnings)
	if e.one, err = e.reach(ctx, e.plan.Target, false, e.scenario.Labels); err != nil {
		return err
	}
	if e.group != nil { // a sweep's or a search's, which began before
		e.group.warnings = append(e.group.warnings, harness.Oddities(e.warnings[before:]...)...)
	}
	return do(ctx)
}

// Windows are the runs on the first server as they were measured.
func (e *Experiment) Windows() []*measure.Window {
	switch {
	case e.group != nil:
		return e.group.windows
	case e.Ran():
		return []*measure.Window{e.last.measured()}
	}
	return nil
}

// Ran reports whether there is a run to judge.
func (e *Experiment) Ran() bool { return e.last != nil && e.last.run != nil }

// Stopped is why the experiment ended before its time; the zero value where it did not.
func (e *Experiment) Stopped() harness.Stop {
	switch by, interrupted := e.session.Interrupted(); {
	case interrupted:
		return harness.Stop{Kind: harness.StopInterrupted, Detail: string(by)}
	case e.group != nil:
		return e.group.stopped
	case e.Ran():
		return e.last.run.Stopped
	}
	return harness.Stop{}
}

// StoppedEarly reports whether the run was ended because an objective of its early stop was
// missed. Asked so, it is what the scenario expects, and no error.
func (e *Experiment) StoppedEarly() bool {
	e.mayStop = e.Ran() && e.last.run.Stopped.Kind == harness.StopAbandoned
	return e.mayStop
}

// Warn adds to the warnings of the run, or of all of them together.
func (e *Experiment) Warn(w harness.Warning) {
	if e.group != nil {
		e.group.warnings = append(e.group.warnings, w)
		return
	}
	e.last.run.Warnings = append(e.last.run.Warnings, w)
}

// Warnings are those of the run, or of all of them together.
func (e *Experiment) Warnings() []harness.Warning {
	switch {
	case e.group != nil:
		return e.group.warnings
	case e.Ran():
		return e.last.run.Warnings
	}
	return nil
}

// warn shows a warning at once, beside where warnings always stand.
func (s *Session) warn(warning string) { s.say("warning: " + warning) }

// warnOfCache shows the first warning about the prefix cache at once: it changes what the figures
// mean.
func (e *Experiment) warnOfCache(warning string) {
	if !e.cacheWarned {
		e.session.warn(warning)
	}
	e.cacheWarned = true
}
