package experiment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// A group is several runs of one scenario: each is stored as a run of its own, and
// all of them together in one folder more.
type group struct {
	trials.Group
	folder   *store.Folder
	began    time.Time // by the clock on the wall
	start    time.Time // by the clock that the load goes by
	windows  []*measure.Window
	others   []*measure.Window // of the second server
	observed map[*measure.Window]*diagnose.Observer
	last     *harness.Run
	facts    *store.Facts // that samples of the last run tell
	stopped  harness.Stop
	readable map[*endpoint]bool // whose metrics could be read
	verdicts []slo.Verdict
	judged   []Question // that verdicts answer
	warnings []harness.Warning
}

// seedPolicy is how each run comes by its seed, as manifests tell it.
const seedPolicy = "the first has the scenario's seed, the n-th the output of SplitMix64 after n − 1 steps from there"

// seedOf is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the seeds of
// runs have nothing to do with each other, nor with those of a scenario whose
// seed is one more.
func seedOf(seed uint64, number int) uint64 {
	if number == 1 {
		return seed
	}
	z := seed + uint64(number-1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// begin makes the folder of several runs. What is known of them stands in it from
// now on: a process that is killed leaves the runs that were made, and this.
func (e *Experiment) begin(kind trials.Kind, scale trials.Scale, planned int) error {
	began := e.session.start(e.plan.Virtual)
	var folder *store.Folder
	if !e.session.Place.replays() {
		var err error
		if folder, err = e.session.create(store.Name(began, e.scenario.Name)); err != nil {
			return err
		}
	}
	if scale != "" {
		e.scenario.Load = nil
		e.scenario.Labels["load"] = string(kind) + " over " + string(scale)
	}
	e.group = &group{Group: trials.Group{Kind: kind, Scale: scale, Planned: planned}, folder: folder, began: began, start: time.Now(),
		readable: map[*endpoint]bool{}, observed: map[*measure.Window]*diagnose.Observer{}, warnings: harness.Oddities(e.warnings...)}
	return nil
}

// try makes one run more of those that the group consists of, with a seed of its
// own, on a server that has come to rest. It is kept at once. The window of a run that came to
// nothing is nil.
func (e *Experiment) try(ctx context.Context, a attempt) (*trial, error) {
	of := e.group
	t := &trial{of: e, scenario: e.scenario, on: a.on, stopLimits: a.stopLimits, judged: alone(a.alone)}
	e.last = t
	t.about = &store.Trial{Kind: of.kindOn(a.on), Number: a.number, Planned: of.Planned,
		Setting: a.setting, Scale: string(of.Scale), SeedPolicy: seedPolicy}
	if of.folder != nil {
		t.about.Of = of.folder.Run()
		t.warnings = a.on.rest(ctx) // before the first as well: the tests before may have asked the same
	}
	t.scenario.Seed = seedOf(e.scenario.Seed, a.number)
	t.scenario.Load, t.scenario.Warmup, t.scenario.Labels = a.load, a.warmup, a.on.labels
	t.scenario.Dataset = e.plan.dataset(t.scenario.Seed, a.number)
	if of.Scale != "" {
		t.scenario.Labels = maps.Clone(e.scenario.Labels)
		t.scenario.Labels["load"] = fmt.Sprint(a.load)
	}
	err := t.measure(ctx)
	if t.run == nil {
		if t.folder != nil {
			err = errors.Join(err, t.folder.Discard())
		}
		return t, err
	}
	of.observed[t.measured()] = t.observer
	return t, errors.Join(err, t.judgeAlone(), e.keepTrial(t, err))
}

// kindOn is what a run on a server is called.
func (of *group) kindOn(on *endpoint) string {
	if on.second {
		return "other"
	}
	return of.Kind.One()
}

// alone are the rows that a run of several is judged by by itself.
func alone(rows []harness.Objective) []Question {
	if len(rows) == 0 {
		return []Question{}
	}
	return []Question{{Kind: Objectives, Rows: rows}}
}

// judgeAlone judges the run that has ended by itself.
func (t *trial) judgeAlone() error {
	runs := &judge.Runs{Labels: t.scenario.Labels, Good: t.scenario.Good, Windows: []*measure.Window{t.measured()}, Observed: t.of.group.observed}
	t.verdicts = []slo.Verdict{}
	for _, asked := range t.judged {
		verdicts, err := runs.Answer(asked, nil)
		if err != nil {
			return err
		}
		t.verdicts = append(t.verdicts, verdicts...)
	}
	return nil
}

// keepTrial stores the run that has ended, and notes it in the group.
func (e *Experiment) keepTrial(t *trial, cause error) error {
	of := e.group
	outcome := of.Outcome(t.verdicts, t.run.Stopped, e.scenario.Objectives)
	made := trials.NewTrial("", t.about.Number, t.run, t.measured(), outcome)
	made.Setting, made.Other = t.about.Setting, t.on.second
	if of.folder == nil {
		of.Trials = append(of.Trials, made)
		return nil
	}
	made.Run = t.folder.Run()
	path, err := t.keep(cause)
	_ = of.folder.Failed(err) // without its parts the group cannot be judged
	if unstored, ok := errors.AsType[*store.Unstored](err); ok && unstored.Lost {
		return err
	}
	of.Trials = append(of.Trials, made)
	of.last, of.facts, of.stopped = t.run, t.facts, harness.Stop{}
	if t.run.Stopped.Kind == harness.StopInterrupted {
		of.stopped = t.run.Stopped
	}
	for _, warning := range t.run.Warnings {
		if !slices.Contains(of.warnings, warning) {
			of.warnings = append(of.warnings, warning)
		}
	}
	said := ""
	if len(t.verdicts) > 0 {
		said = string(outcome) + ", "
	}
	e.session.say(fmt.Sprintf("%s: %s%d requests: %s", of.called(t.about), said, t.run.Requests, filepath.Join(path, "report.html")))
	return errors.Join(err, of.note(e.groupManifest(nil), e.plan.Questions, of.folder.Begin))
}

// called is a run in words: "repeat 2 of 6", "probe 3, 12.7 per second".
func (of *group) called(about *store.Trial) string {
	s := fmt.Sprintf("%s %d", about.Kind, about.Number)
	if about.Planned > 0 {
		s += fmt.Sprintf(" of %d", about.Planned)
	}
	if about.Setting > 0 {
		s += ", " + of.Scale.Quantity(about.Setting)
	}
	return s
}

// note writes what is known of the group so far, and what of it was judged, or is
// to be. Its manifest, which makes it a run, comes last.
func (of *group) note(m store.Manifest, judged []Question, manifest func(store.Manifest) error) error {
	verdicts := of.verdicts
	if verdicts == nil {
		verdicts = []slo.Verdict{}
	}
	m.Judged = append([]Question{}, judged...)
	return errors.Join(of.folder.WriteJSON("trials.json", of.Group), of.folder.WriteJSON("verdicts.json", verdicts), manifest(m))
}

// groupManifest is run.json of several runs: that of a run of the scenario as it was
// written, with the names of those that were made.
func (e *Experiment) groupManifest(cause error) store.Manifest {
	of := e.group
	run := *of.last
	run.Scenario, run.Start, run.Length, run.Requests = e.scenario, of.began, time.Since(of.start), 0
	run.Warnings, run.Stopped, run.Shortfall = of.warnings, of.stopped, nil
	run.From, run.To = 0, run.Length
	for _, t := range of.Trials {
		run.Requests += t.Requests
	}
	m := e.manifest(of.folder, &run, e.one, of.facts, cause)
	if e.other != nil {
		m.Server = e.one.stored() // the GPUs are each run's own
		other := e.other.stored()
		m.Other = &other
	}
	switch design := e.plan.Design.(type) {
	case Sweep:
		m.Scenario.Load = fmt.Sprintf("swept over %v %s", design.Settings, of.Scale)
	case Search:
		m.Scenario.Load = fmt.Sprintf("between %g and %g %s", design.From, design.To, of.Scale)
	default:
		m.Scenario.Load += fmt.Sprintf(", %d times", of.Planned)
	}
	for _, t := range of.Trials {
		m.Trials = append(m.Trials, t.Run)
	}
	return m
}
