package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// A trial is one run of the scenario, and what came of it.
type trial struct {
	of         *Experiment
	scenario   harness.Scenario // as it is run: with this run's seed, load and dataset
	on         *endpoint
	about      *store.Trial        // nil: it is the only one
	stopLimits []harness.Objective // the load ends as soon as one of these is missed, which is no error
	run        *harness.Run        // nil: it has not ended, or came to nothing
	window     *measure.Window     // see [trial.measured], as the next two
	observer   *diagnose.Observer
	drawing    *chart.Drawing
	folder     *store.Folder
	ledger     *ledger.Ledger // of client and server
	facts      *store.Facts   // that samples tell
	judged     []Question     // that verdicts answer; until the run has ended what is to be
	verdicts   []slo.Verdict
	warnings   []string
	view       reports.View // once it has ended
	watch      Watch        // shows it while it goes on; nil where there is no viewer
}

// measured is the run as it is judged. It is read once, for its verdicts, their causes
// and its page.
func (t *trial) measured() *measure.Window {
	if t.window == nil {
		measurement := measure.NewMeasurement(t.run)
		t.window = measurement.Window
		t.observer = diagnose.NewObserver(t.window, t.scenario.Objectives...)
		consumers := []harness.Consumer{measurement, t.observer}
		if !t.of.session.Place.replays() {
			t.drawing = chart.NewDrawing(t.run.Requests, chart.Full())
			consumers = append(consumers, t.drawing)
		}
		t.run.Each(consumers...)
	}
	return t.window
}

func (t *trial) warn(text string) { t.warnings = append(t.warnings, text) }

// measure brings the load to the server once. It is an error when nothing could be judged by it.
func (t *trial) measure(ctx context.Context) error {
	t.of.last = t
	bring := t.bring
	if t.of.session.Place.replays() {
		bring = t.replay
	}
	if err := bring(ctx); err != nil {
		return err
	}
	if ended := t.on.Ended(); ended != nil { // whatever the figures say: what was to be judged is not there any more
		return ended
	}
	return answered(t.run)
}

// bring brings the load to the server, into a folder of its own.
func (t *trial) bring(ctx context.Context) (err error) {
	began := t.of.session.start(t.of.plan.Virtual)
	if t.folder, err = t.of.session.create(t.folderName(began)); err != nil {
		return err
	}
	if err := rehearse(ctx, t); err != nil {
		return err
	}
	if err := t.on.LoadBegins(); err != nil {
		return err
	}
	archive, err := t.archive(began)
	if err != nil {
		return err
	}
	t.ledger, t.facts = ledger.New(), new(store.Facts)
	sampling := t.sample(ctx)
	defer sampling.close()
	runner := t.runner(archive, sampling)
	sinks, seen := t.export(ctx)
	runner.Sinks = append(runner.Sinks, sinks...)
	t.connect(ctx)
	remarks := t.remarkAhead()
	watched, unwatch := t.show(ctx, began, &runner)
	defer unwatch()
	t.run, err = runner.Run(watched, t.scenario)
	seen()
	if t.run != nil {
		t.ended(&runner, sampling, began)
		t.run.Warnings = append(t.run.Warnings, harness.Oddities(slices.Concat(t.warnings, remarks, t.surprises(), disagreements(t.ledger), t.remarkAfter())...)...)
	}
	return err
}

// runner is what carries the load of a run out.
func (t *trial) runner(archive harness.Archive, sampling sampling) harness.Runner {
	runner := harness.Runner{
		Client: cmp.Or[harness.Client](t.on.other, t.on.client), Samplers: sampling.samplers, Archive: archive, Sinks: []harness.Sink{t.ledger, t.facts},
		Good: metric.GoodRequest(t.scenario.Good), Precise: !t.on.Virtual, ChatHead: t.on.client.ChatHead(), Chats: t.on.client.Chats(),
	}
	t.awaits(&runner)
	if rows := slices.Concat(t.of.plan.EarlyStop, t.stopLimits); rows != nil {
		early := slo.NewEarlyStop(rows, t.scenario.Warmup)
		runner.Sinks, runner.Abandon = append(runner.Sinks, early), early.Decided
	}
	return runner
}

// ended completes a run whose load has ended.
func (t *trial) ended(runner *harness.Runner, sampling sampling, began time.Time) {
	t.of.ledgers = append(t.of.ledgers, t.ledger)
	t.cutByDeadline(runner)
	t.run.Salting = t.on.salting
	t.run.Unwatched, t.of.gpus = sampling.missing, sampling.gpus()
	for source, why := range t.run.Unread {
		t.run.Unread[source] = t.of.session.redact(why)
	}
	t.ledger.Ended(t.run)
	if t.on.Virtual { // the clock of a bubble means nothing to a reader
		t.run.Virtual, t.run.Start = true, began
	}
	if !t.of.plan.FixedWarmup {
		findWarmUp(t.run)
	}
}

// findWarmUp finds the warm-up of a load by time whose scenario names none. One of so many
// requests is judged by all of them.
func findWarmUp(run *harness.Run) {
	open, isOpen := run.Scenario.Load.(harness.Open)
	closed, _ := run.Scenario.Load.(harness.Closed)
	if isOpen && open.Requests > 0 || closed.Requests > 0 || run.Stopped.Early() {
		return
	}
	if note := measure.DetectWarmup(run); note != "" {
		run.Warnings = append(run.Warnings, harness.Oddities(note)...)
	}
}

// folderName is the name of a run that begins now.
func (t *trial) folderName(began time.Time) string {
	if t.about == nil {
		return store.Name(began, t.scenario.Name)
	}
	return fmt.Sprintf("%s-%s-%d", t.of.group.folder.Run(), t.about.Kind, t.about.Number)
}

// archive is where the run is kept. Virtual time is over before a process could be killed.
func (t *trial) archive(began time.Time) (harness.Archive, error) {
	m := t.manifest(&harness.Run{Scenario: t.scenario, Start: began}, nil)
	if t.about == nil {
		m.Judged = t.of.plan.Questions
	}
	if t.on.Virtual {
		return t.folder.Archive(t.scenario.Name), t.folder.Begin(m)
	}
	return t.folder.SafeArchive(t.scenario.Name, m)
}

// export shows a run to other systems while it goes on. In virtual time a run is over before they
// could read it.
func (t *trial) export(ctx context.Context) (sinks []harness.Sink, finish func()) {
	if t.on.Virtual || t.of.session.Export == nil {
		return nil, func() {}
	}
	about := export.About{Run: t.folder.Run(), Scenario: t.scenario.Name, Model: t.on.about.Model, URL: t.on.URLs()[0], Version: store.Version()}
	return t.of.session.Export(ctx, about, t.warn)
}

// show shows a run in real time while it goes on. The context that it returns ends with the one it
// is given, or when a reader stops this run from its page.
func (t *trial) show(ctx context.Context, began time.Time, runner *harness.Runner) (watched context.Context, done func()) {
	if t.on.Virtual || t.of.session.Watcher == nil {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() { cancel(byButton) }
	t.watch = t.of.session.Watcher.Watch(t.scenario, t.manifest(&harness.Run{Scenario: t.scenario, Start: began}, nil), stop)
	runner.Sinks = append(runner.Sinks, t.watch)
	return ctx, stop
}

// rehearse asks, before the load, what the load is to find in the prefix cache.
func rehearse(ctx context.Context, t *trial) error {
	cached, ok := t.scenario.Dataset.(*dataset.Cached)
	if !ok {
		return nil
	}
	prompts, err := cached.Before()
	if err != nil {
		return err
	}
	for _, replica := range t.on.client.Replicas { // each has a cache of its own
		if err := harness.Rehearse(ctx, replica, prompts); err != nil {
			return err
		}
	}
	return nil
}

// answered is an error where no request was answered: then nothing could be judged. It
// quotes the server.
func answered(run *harness.Run) error {
	failures, example := map[harness.Failure]int{}, ""
	for r := range run.Records {
		if r.OK() {
			return nil
		}
		failures[r.Failure]++
		example = r.Error
	}
	switch {
	case run.Stopped.Early():
		return run.Stopped.Err()
	case run.Requests == 0:
		return errors.New("no request was due: make the load longer, or the rate higher")
	}
	return fmt.Errorf("not one of %d requests was answered (%s); the last said: %s", run.Requests, byKind(failures), example)
}

func byKind(failures map[harness.Failure]int) string {
	var parts []string
	for _, failure := range slices.Sorted(maps.Keys(failures)) {
		parts = append(parts, fmt.Sprintf("%d %s", failures[failure], failure))
	}
	return strings.Join(parts, ", ")
}
