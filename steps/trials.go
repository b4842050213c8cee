package steps

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports"
)

// A whole is several runs of one scenario: each is stored as a run of its own, and
// all of them together in one folder more.
type whole struct {
	trials.Whole
	scenario harness.Scenario // as it was before the first of them
	folder   *store.Folder
	began    time.Time // by the clock on the wall
	start    time.Time // by the clock that the load goes by
	planned  int       // 0: nobody knows
	windows  []*slo.Window
	last     *harness.Run
	stopped  string
	told     map[*server.Server]bool // whose metrics could be read
	verdicts []slo.Verdict
	warnings []string
}

// seedPolicy is how each trial comes by its seed, as manifests tell it.
const seedPolicy = "the first has the scenario's seed, the n-th the output of SplitMix64 after n − 1 steps from there"

// seedOfTrial is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the seeds of
// trials have nothing to do with each other, nor with those of a scenario whose
// seed is one more.
func seedOfTrial(seed uint64, number int) uint64 {
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
func (w *world) begin(kind trials.Kind, scale trials.Scale, planned int) error {
	began := w.suite.runStart()
	folder, err := store.Create(w.suite.env.Out, store.Name(began, w.scenario.Name))
	if err != nil {
		return err
	}
	w.whole = &whole{Whole: trials.Whole{Kind: kind, Scale: scale}, scenario: w.scenario, folder: folder, began: began, start: time.Now(), planned: planned, told: map[*server.Server]bool{}, warnings: w.warnings}
	w.warnings = nil
	return nil
}

// folderName is what a run is called that begins now.
func (w *world) folderName(began time.Time) string {
	if w.about == nil {
		return store.Name(began, w.scenario.Name)
	}
	return fmt.Sprintf("%s-%s-%d", w.whole.folder.Run(), w.about.Kind, w.about.Number)
}

// An attempt is what is to be run once.
type attempt struct {
	load     harness.Load
	warmup   time.Duration
	setting  float64             // 0: there is one load only
	alone    []harness.Objective // by which the run is judged by itself
	hopeless []harness.Objective // the run is ended once one of these is missed
}

// try makes one run more of those that the whole consists of, with a seed of its
// own, on a server that has come to rest. It is kept at once.
func (w *world) try(ctx context.Context, a attempt) (*slo.Window, error) {
	number := w.trialNumber()
	warnings := w.settle(ctx) // before the first as well: the tests before may have asked the same
	w.trial = trial{warnings: warnings, about: &store.Trial{Of: w.whole.folder.Run(), Kind: w.trialKind(), Number: number, Planned: w.whole.planned,
		Setting: a.setting, Scale: string(w.whole.Scale), SeedPolicy: seedPolicy}}
	w.scenario.Seed = seedOfTrial(w.whole.scenario.Seed, number)
	w.scenario.Load, w.scenario.Warmup, w.hopeless = a.load, a.warmup, a.hopeless
	var err error
	if w.scenario.Dataset, err = w.dataset(); err != nil {
		return nil, err
	}
	if w.scale != "" {
		w.scenario.Labels = maps.Clone(w.whole.scenario.Labels)
		w.scenario.Labels["load"] = fmt.Sprint(a.load)
	}
	err = w.runOnce(ctx)
	if w.run == nil {
		if w.folder != nil {
			err = errors.Join(err, w.folder.Discard())
		}
		return nil, err
	}
	w.verdicts = w.measured().Judge(a.alone)
	slo.Explain(w.verdicts, w.measured())
	return w.measured(), errors.Join(err, w.keepTrial(err))
}

// keepTrial stores the run that has ended, and notes it in the whole.
func (w *world) keepTrial(cause error) error {
	of := w.whole
	outcome := worst(w.verdicts)
	if w.hopeless != nil && strings.HasPrefix(w.run.Stopped, harness.Abandoned) {
		outcome = slo.Missed
	}
	of.Trials = append(of.Trials, trials.NewTrial(w.folder.Run(), w.about.Number, w.run, w.measured(), outcome))
	of.Trials[len(of.Trials)-1].Setting = w.about.Setting
	of.Trials[len(of.Trials)-1].Other = w.sides.onSecond
	of.last, of.stopped = w.run, ""
	if w.run.Stopped == interrupted {
		of.stopped = interrupted
	}
	for _, warning := range w.run.Warnings {
		if !slices.Contains(of.warnings, warning) {
			of.warnings = append(of.warnings, warning)
		}
	}
	path, err := w.keep(cause)
	said := ""
	if len(w.verdicts) > 0 {
		said = string(outcome) + ", "
	}
	w.say(fmt.Sprintf("%s: %s%d requests: %s", w.called(), said, w.run.Requests, filepath.Join(path, "report.html")))
	return errors.Join(err, w.noteWhole(nil))
}

// interrupted is what Run.Stopped says after Ctrl-C.
const interrupted = "interrupted"

// called is a trial in words: "repeat 2 of 6", "probe 3, 12.7 per second".
func (w *world) called() string {
	s := fmt.Sprintf("%s %d", w.about.Kind, w.about.Number)
	if w.about.Planned > 0 {
		s += fmt.Sprintf(" of %d", w.about.Planned)
	}
	if w.about.Setting > 0 {
		s += ", " + w.whole.Scale.Quantity(w.about.Setting)
	}
	return s
}

// worst is the outcome of all verdicts: one that is missed misses all.
func worst(verdicts []slo.Verdict) slo.Outcome {
	if len(verdicts) == 0 {
		return slo.Unknown // nothing was asked of it
	}
	outcome := slo.Met
	for _, v := range verdicts {
		if v.Outcome == slo.Missed {
			return slo.Missed
		}
		if v.Outcome == slo.Unknown {
			outcome = slo.Unknown
		}
	}
	return outcome
}

// How long is waited for a server to come to rest before a run, and how much of it is
// planned for between two.
const (
	restless = time.Minute
	between  = 5 * time.Second
)

// settle waits until nothing runs on the server and nothing waits, and then empties
// its prefix cache, unless it is to be warm. What could not be brought about is a
// warning of the next run.
func (w *world) settle(ctx context.Context) (warnings []string) {
	switch busy, err := w.rest(ctx, w.serverMetrics()); {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		warnings = append(warnings, fmt.Sprintf("whether the server was at rest before this run is not known (%v)", err))
	case busy > 0:
		warnings = append(warnings, fmt.Sprintf("%g requests were still on the server after %v of waiting for it to come to rest: others use it, and this run was not the only load", busy, restless))
	}
	if w.scenario.Cache != nil && w.scenario.Cache.Share > 0 {
		return warnings
	}
	err := w.served.client.ResetCache(ctx)
	if errors.Is(err, openai.ErrNoReset) && w.scenario.Cache != nil {
		return warnings // each run asks with a salt of its own
	}
	if err != nil {
		warnings = append(warnings, fmt.Sprintf("%v: what an earlier run asked may be found in it", err))
	}
	return warnings
}

// rest waits until the server has nothing to do, and returns how many requests it
// had at last. A page that could be read before, and now cannot, is read again until
// then; one that never could be is not waited for.
func (w *world) rest(ctx context.Context, metrics harness.Sampler) (busy float64, err error) {
	for until := time.Now().Add(restless); time.Now().Before(until) && ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		busy, err = onServerNow(ctx, metrics)
		if err == nil {
			w.whole.told[w.served.Server] = true
		}
		if busy == 0 && err == nil || !w.whole.told[w.served.Server] {
			break
		}
	}
	return busy, err
}

// readingMost is how long one reading between two runs may take.
const readingMost = time.Second

// onServerNow is how many requests run on the server or wait there.
func onServerNow(ctx context.Context, metrics harness.Sampler) (busy float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readingMost)
	defer cancel()
	readings, err := metrics.Read(ctx)
	for _, r := range readings {
		if r.Series == "vllm:num_requests_running" || r.Series == "vllm:num_requests_waiting" {
			busy += r.Value
		}
	}
	return busy, err
}

// judge answers objectives from all the runs together, or of a sweep at each of its
// points.
func (of *whole) judge(objectives []harness.Objective) ([]slo.Verdict, error) {
	if of.Curve != nil {
		return of.judgePoints(objectives), nil
	}
	if len(of.windows) == 0 {
		return nil, errors.New("there is nothing to judge: no run was made to its end")
	}
	verdicts := slo.Together(of.windows).Judge(objectives)
	slo.Explain(verdicts, of.windows...)
	of.verdicts = append(of.verdicts, verdicts...)
	return verdicts, nil
}

// warn adds to the warnings of the run, or of the whole.
func (w *world) warn(text string) {
	if w.whole != nil {
		w.whole.warnings = append(w.whole.warnings, text)
		return
	}
	w.run.Warnings = append(w.run.Warnings, text)
}

// finishWhole writes what several runs leave behind together.
func (w *world) finishWhole(cause error) error {
	of := w.whole
	if len(of.Trials) == 0 {
		return of.folder.Discard()
	}
	abandoned := w.abandonedUnasked(cause)
	cause = errors.Join(cause, abandoned)
	manifest := w.wholeManifest(cause)
	view := reports.NewWhole(of.Whole, of.verdicts, manifest)
	var page bytes.Buffer
	err := errors.Join(
		reports.RenderWhole(&page, view),
		w.noteWhole(cause),
		of.folder.WriteFile("report.html", page.Bytes()),
	)
	if of.Kind == trials.Repeats { // loads that differ have lines that are not to be averaged: each has its own
		err = errors.Join(err, of.folder.WriteFile("bench.txt", w.benchmarks(of.scenario.Labels, of.windows)))
	}
	if w.sides.windows != nil {
		err = errors.Join(err, of.folder.WriteFile("bench-other.txt", w.benchmarks(w.sides.labels, w.sides.windows)))
	}
	path, published := of.folder.Publish()
	w.tabulate(view.Outcome, view.Headline, view.Objectives, filepath.Join(of.folder.Run(), "report.html"))
	w.say(filepath.Join(w.suite.fromRoot(path), "report.html"))
	return errors.Join(err, published, abandoned)
}

// noteWhole writes what is known of the whole so far.
func (w *world) noteWhole(cause error) error {
	of := w.whole
	verdicts := of.verdicts
	if verdicts == nil {
		verdicts = []slo.Verdict{}
	}
	return errors.Join(of.folder.WriteJSON("run.json", w.wholeManifest(cause)),
		of.folder.WriteJSON("verdicts.json", verdicts), of.folder.WriteJSON("trials.json", of.Whole))
}

// wholeManifest is run.json of several runs: that of a run of the scenario as it was
// written, with the names of those that were made.
func (w *world) wholeManifest(cause error) store.Manifest {
	of, before := w.whole, w.trial
	defer func() { w.trial = before }()
	run := *of.last
	run.Scenario, run.Start, run.Length, run.Requests = of.scenario, of.began, time.Since(of.start), 0
	run.Warnings, run.Stopped = of.warnings, of.stopped
	run.From, run.To = 0, run.Length
	for _, t := range of.Trials {
		run.Requests += t.Requests
	}
	w.trial = trial{run: &run, folder: of.folder, facts: before.facts}
	m := w.manifest(cause)
	switch of.Kind {
	case trials.Repeats:
		m.Scenario.Load += fmt.Sprintf(", %d times", of.planned)
	case trials.Sweep:
		m.Scenario.Load = fmt.Sprintf("swept over %v %s", w.settings, of.Scale)
	case trials.Search:
		m.Scenario.Load = fmt.Sprintf("between %g and %g %s", w.sought[0], w.sought[1], of.Scale)
	}
	for _, t := range of.Trials {
		m.Trials = append(m.Trials, t.Run)
	}
	return m
}
