package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

func (w *world) registerRun(sc sentences) {
	sc.Step(`^the load runs for (.+)$`, w.loadRuns)
}

// grace is how long answers may go on after the load is over.
const grace = time.Minute

// loadRuns brings the load to the server: for a time, or for a number of requests.
func (w *world) loadRuns(ctx context.Context, extent string) error {
	if err := w.notYet(); err != nil {
		return err
	}
	if err := w.complete(extent); err != nil {
		return err
	}
	if err := w.lookAhead(); err != nil {
		return err
	}
	return w.onServer(ctx, slices.Repeat([]time.Duration{w.scenario.Load.Planned()}, w.loads()), func(ctx context.Context) error {
		switch {
		case w.sides.compares:
			return w.takeTurns(ctx)
		case w.repeats > 1:
			return w.repeat(ctx)
		}
		return w.runOnce(ctx)
	})
}

// notYet refuses a second When, and one that comes after Ctrl-C.
func (w *world) notYet() error {
	if w.run != nil || w.whole != nil {
		return errors.New("the load has run already; one scenario is one run, one sweep or one search")
	}
	if w.suite.stopped.Load() {
		return errors.New("not run: the tests were interrupted")
	}
	return nil
}

// onServer reaches the server, and does with it what takes loads of these lengths.
func (w *world) onServer(ctx context.Context, loads []time.Duration, do func(context.Context) error) error {
	ctx, cancel := w.suite.interruptible(ctx)
	defer cancel()
	if err := w.fitsDeadline(loads); err != nil {
		return err
	}
	defer func() { w.served.leave() }()
	if err := w.reach(ctx); err != nil {
		return err
	}
	return do(ctx)
}

// runOnce brings the load once. It is an error when nobody could be judged by it.
func (w *world) runOnce(ctx context.Context) error {
	if err := w.bring(ctx); err != nil {
		return err
	}
	if ended := w.served.Ended(); ended != nil { // whatever the figures say: what was to be judged is not there any more
		return ended
	}
	return w.answered()
}

// bring brings the load to the server that was reached, into a folder of its own.
func (w *world) bring(ctx context.Context) error {
	began := w.suite.runStart()
	folder, err := store.Create(w.suite.env.Out, w.folderName(began))
	if err != nil {
		return err
	}
	w.folder = folder
	if err := w.rehearse(ctx); err != nil {
		return err
	}
	if err := w.served.LoadBegins(); err != nil {
		return err
	}
	archive, err := w.archive(began)
	if err != nil {
		return err
	}
	w.accounts, w.facts = slo.NewAccounts(), new(store.Facts)
	w.audited = append(w.audited, w.accounts)
	beside := w.beside(ctx)
	defer beside.close()
	runner := harness.Runner{
		Client: w.served.client, Samplers: beside.samplers, Archive: archive, Sinks: []harness.Sink{w.accounts, w.facts},
		Good: slo.Good(w.scenario.Good), Grace: grace, Precise: !w.served.Virtual,
	}
	if rows := slices.Concat(w.abandon, w.hopeless); rows != nil {
		hope := slo.NewHope(rows, w.scenario.Warmup)
		runner.Sinks, runner.Abandon = append(runner.Sinks, hope), hope.Lost
	}
	shown, seen := w.exported(ctx)
	runner.Sinks = append(runner.Sinks, shown...)
	w.warm(ctx)
	w.run, err = runner.Run(w.onShow(ctx, began, &runner), w.scenario)
	seen()
	if w.run != nil {
		w.run.Unwatched, w.gpus = beside.unwatched, beside.gpus()
		if w.served.Virtual { // the clock of a bubble means nothing to a reader
			w.run.Virtual, w.run.Start = true, began
		}
		if !w.warmUpSaid {
			w.findWarmUp()
		}
		w.run.Warnings = append(append(w.run.Warnings, w.warnings...), append(w.surprises(), w.disagreements()...)...)
	}
	return err
}

// findWarmUp finds the warm-up of a load by time whose scenario names none. One of so many
// requests is judged by all of them.
func (w *world) findWarmUp() {
	open, isOpen := w.scenario.Load.(harness.Open)
	closed, _ := w.scenario.Load.(harness.Closed)
	if isOpen && open.Requests > 0 || closed.Requests > 0 || w.run.Stopped != "" {
		return
	}
	if note := slo.Settle(w.run); note != "" {
		w.run.Warnings = append(w.run.Warnings, note)
	}
}

// archive is where the run is kept. Virtual time is over before anybody could kill
// it.
func (w *world) archive(began time.Time) (harness.Archive, error) {
	if w.served.Virtual {
		return w.folder.Archive(w.scenario.Name), nil
	}
	w.run = &harness.Run{Scenario: w.scenario, Start: began}
	m := w.manifest(nil)
	w.run = nil
	return w.folder.SafeArchive(w.scenario.Name, m)
}

// surprises warns of conversations that came more than once.
func (w *world) surprises() []string {
	counted, ok := w.scenario.Dataset.(interface{ Count() (int, error) })
	if !ok {
		return nil
	}
	different, err := counted.Count()
	if err != nil || w.measured().Conversations() <= different {
		return nil
	}
	return []string{fmt.Sprintf("%d conversations were drawn from %d different ones; a prompt that comes again is found in the server's prefix cache", w.measured().Conversations(), different)}
}

// complete turns what the sentences said into a scenario.
func (w *world) complete(extent string) (err error) {
	if err := w.settleSides(); err != nil {
		return err
	}
	var length time.Duration
	var requests int
	if amount, ok := strings.CutSuffix(extent, " requests"); ok {
		requests, err = count(amount, "requests", 1)
	} else if length, err = duration(extent); err == nil && length <= 0 {
		err = fmt.Errorf("a load of %s measures nothing", extent)
	}
	if err != nil {
		return err
	}
	if w.scenario.Load, err = w.load.build(length, requests); err != nil {
		return err
	}
	w.scenario.Dataset, err = w.dataset()
	w.scenario.Labels = w.labels(w.target)
	return err
}

// fitsDeadline refuses a load that go test would kill in the middle: nothing
// would be stored, and nobody would know why.
func (w *world) fitsDeadline(loads []time.Duration) error {
	deadline, limited := w.suite.deadline()
	if !limited || w.suite.inBubble {
		return nil
	}
	left := time.Until(deadline)
	planned, what := -between, fmt.Sprintf("the load of %v", loads[0])
	for _, each := range loads {
		planned += each + between
	}
	if len(loads) > 1 {
		what = fmt.Sprintf("the %d loads of %v in all", len(loads), planned)
	}
	if needed := planned + grace; needed > left {
		return fmt.Errorf("%s and its grace of %v do not fit into the %v that go test leaves; add -timeout %v, or -timeout 0 for no limit",
			what, grace, left.Round(time.Second), (planned + w.suite.elapsed() + 10*time.Minute).Round(time.Minute))
	}
	return nil
}

// answered is an error when not one request was answered: nothing that follows
// could be judged, and the server's own words say why.
func (w *world) answered() error {
	failures, example := map[harness.Failure]int{}, ""
	for r := range w.run.Records {
		if r.OK() {
			return nil
		}
		failures[r.Failure]++
		example = r.Error
	}
	switch {
	case w.run.Stopped != "":
		return errors.New("the run was " + w.run.Stopped)
	case w.run.Requests == 0:
		return errors.New("no request was due: make the load longer, or the rate higher")
	}
	return fmt.Errorf("not one of %d requests was answered (%s); the last said: %s", w.run.Requests, byKind(failures), example)
}

func byKind(failures map[harness.Failure]int) string {
	var parts []string
	for failure, n := range failures {
		parts = append(parts, fmt.Sprintf("%d %s", n, failure))
	}
	return strings.Join(parts, ", ")
}
