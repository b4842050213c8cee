package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// A Rejudged is a stored run, or several of one scenario, judged once more from its
// files: run.json, the Parquet files, a copied baseline, and of several runs trials.json
// and the folders beside.
type Rejudged struct {
	Dir      string
	Manifest store.Manifest
	Verdicts []slo.Verdict
	Group    *trials.Group   // of several runs; nil: it is one
	Run      *harness.Run    // nil: it is several
	Window   *measure.Window // of Run
	Times    diagnose.Times  // of Run: where the time of its requests went
	Stored   []byte          // verdicts.json; nil where there is none
}

// ErrNotSaid is the error of a run whose files do not say what was judged.
var ErrNotSaid = errors.New("run.json does not say what was judged: an older version wrote it, or the run was not a scenario's")

// A With adds a consumer to the pass in which a stored run is read, to make its charts, say. It
// is called with the run before the files are read.
type With func(*harness.Run) harness.Consumer

// Again judges a stored run once more.
func Again(dir string, with ...With) (*Rejudged, error) {
	m, stored, err := store.ReadManifest(dir)
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || m.Run == "") {
		return nil, err
	}
	r := &Rejudged{Dir: dir, Manifest: m, Stored: stored}
	if len(m.Trials) > 0 {
		err = r.several()
	} else {
		err = r.one(with)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return r, nil
}

// A measured is a stored run that was read.
type measured struct {
	dir      string
	manifest store.Manifest
	run      *harness.Run
	window   *measure.Window
	ledger   *ledger.Ledger
	observer *diagnose.Observer
}

// open reads a stored run once, for its verdicts, their causes, and what comes with them.
func open(dir string, with ...With) (*measured, error) {
	one := &measured{dir: dir}
	stored, err := store.OpenUnjudged(dir, func(m store.Manifest, run *harness.Run) []harness.Consumer {
		measurement := measure.NewMeasurement(run)
		one.window, one.ledger = measurement.Window, measurement.Ledger()
		one.observer = diagnose.NewObserver(one.window, rows(m)...)
		consumers := []harness.Consumer{measurement, one.observer}
		for _, consumer := range with {
			consumers = append(consumers, consumer(run))
		}
		return consumers
	})
	if err != nil {
		return nil, err
	}
	one.manifest, one.run = stored.Manifest, stored.Run
	return one, nil
}

// rows are the objectives that were judged of a run, whose causes may be asked for.
func rows(m store.Manifest) (out []harness.Objective) {
	for _, asked := range m.Judged {
		if asked.Kind == store.AskedObjectives {
			out = append(out, asked.Rows...)
		}
	}
	return out
}

// verdicts are those of the run by itself.
func (one *measured) verdicts() ([]slo.Verdict, error) {
	runs := newRuns(one.manifest)
	runs.add(trials.Trial{}, one)
	return runs.all(one.dir, one.manifest)
}

func newRuns(m store.Manifest) *Runs {
	return &Runs{Observed: map[*measure.Window]*diagnose.Observer{}, Labels: m.Scenario.Labels, Good: m.Scenario.Good, OwnCache: m.Scenario.Cache == nil && !m.Scenario.Leftovers}
}

func (r *Rejudged) one(with []With) error {
	one, err := open(r.Dir, with...)
	if err != nil {
		return err
	}
	r.Run, r.Window, r.Times = one.run, one.window, one.observer.Times()
	r.Verdicts, err = one.verdicts()
	return err
}

// several judges the runs that lie beside, each by itself and all together.
func (r *Rejudged) several() error {
	of, err := readTrials(r.Dir)
	if err != nil {
		return err
	}
	r.Group = of
	runs := newRuns(r.Manifest)
	runs.Group = of
	byName := map[string]*measured{}
	for i, t := range of.Trials {
		if !store.IsRun(t.Run) {
			return fmt.Errorf("trials.json: %q is no name of a run", t.Run)
		}
		one, err := open(filepath.Join(filepath.Dir(filepath.Clean(r.Dir)), t.Run))
		if err != nil {
			return err
		}
		alone, err := one.verdicts()
		if err != nil {
			return fmt.Errorf("%s: %w", t.Run, err)
		}
		again := trials.NewTrial(t.Run, t.Number, one.run, one.window, of.Outcome(alone, one.run.Stopped, r.Manifest.Scenario.Objectives))
		again.Setting, again.Other = t.Setting, t.Other
		of.Trials[i], byName[t.Run] = again, one
		runs.add(again, one)
	}
	switch {
	case of.Kind == trials.Sweep:
		of.DrawCurve(runs.Windows, r.Manifest.Scenario.Objectives, len(r.Manifest.Server.GPUs))
	case of.Search != nil:
		if err := ofThese(of.Search, byName); err != nil {
			return err
		}
		of.Search = of.Again(func(names []string) (windows []*measure.Window, last harness.Stop) {
			for _, name := range names {
				windows, last = append(windows, byName[name].window), byName[name].run.Stopped
			}
			return windows, last
		})
	}
	r.Verdicts, err = runs.all(r.Dir, r.Manifest)
	return err
}

// ofThese is an error where a search rests on a run that is not among its trials.
func ofThese(f *trials.Finding, byName map[string]*measured) error {
	for _, p := range f.Probes {
		if len(p.Runs) == 0 || slices.ContainsFunc(p.Runs, func(name string) bool { return byName[name] == nil }) {
			return fmt.Errorf("trials.json: the probe at %g rests on runs that are not among the trials", p.Setting)
		}
	}
	return nil
}

// add takes a run into those that are judged together.
func (r *Runs) add(t trials.Trial, one *measured) {
	r.Ledgers, r.Observed[one.window] = append(r.Ledgers, one.ledger), one.observer
	switch {
	case t.Other:
		r.Others = append(r.Others, one.window)
	default:
		r.Windows = append(r.Windows, one.window)
	}
}

func readTrials(dir string) (*trials.Group, error) {
	path := filepath.Join(dir, "trials.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseTrials(path, raw)
}

func parseTrials(path string, raw []byte) (*trials.Group, error) {
	of := new(trials.Group)
	if err := store.Check(path, raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, of); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, t := range of.Trials {
		if !store.IsName(t.Run) {
			return nil, fmt.Errorf("%s: trials.run is %q, which is no name of a folder", path, t.Run)
		}
	}
	return of, nil
}

// all answers what was judged, in its order. Of a run whose program was killed that is
// what was to be judged, and all of it is unknown.
func (r *Runs) all(dir string, m store.Manifest) ([]slo.Verdict, error) {
	killed := m.Stopped.Kind == harness.StopKilled
	judged := m.Judged
	if judged == nil && killed {
		judged = []store.Asked{{Kind: store.AskedObjectives, Rows: m.Scenario.Objectives}}
	} else if judged == nil {
		return nil, ErrNotSaid
	}
	verdicts := []slo.Verdict{} // [] in the file, not null
	for _, asked := range judged {
		answers, err := r.stored(dir, m, asked)
		switch {
		case killed && err != nil:
			answers = unanswered(asked)
		case err != nil:
			return nil, err
		}
		if killed && (err != nil || r.Group != nil || asked.Kind != store.AskedObjectives) {
			voidKilled(answers, m)
		}
		verdicts = append(verdicts, answers...)
	}
	return verdicts, nil
}

// stored answers rows, with the baseline that the folder has a copy of.
func (r *Runs) stored(dir string, m store.Manifest, asked store.Asked) ([]slo.Verdict, error) {
	if asked.File == "" {
		return r.Answer(asked, nil)
	}
	if asked.File != filepath.Base(asked.File) {
		return nil, fmt.Errorf("run.json: %q is no name of a file in the run's folder", asked.File)
	}
	base, err := store.ReadBaseline(filepath.Join(dir, asked.File))
	if err == nil {
		base, err = base.Of(m.Scenario.Name)
	}
	if err != nil {
		return nil, err
	}
	return r.Answer(asked, base)
}

// unanswered are the verdicts on rows that cannot be judged.
func unanswered(asked store.Asked) (verdicts []slo.Verdict) {
	for _, o := range asked.Rows {
		verdicts = append(verdicts, slo.Unanswered(o))
	}
	return verdicts
}

// voidKilled makes verdicts unknown because the program was killed before the run had ended.
func voidKilled(verdicts []slo.Verdict, m store.Manifest) {
	slo.VoidEarly(verdicts, m.Stopped, m.Scenario.Good)
}

// Salvage makes a run of what a process left behind that was killed, as
// [store.Salvage] does, and judges what there is of it.
func Salvage(hidden string) (string, error) {
	return store.Salvage(hidden, func(dir string) (any, error) {
		r, err := Again(dir)
		if err != nil {
			return nil, err
		}
		return r.Verdicts, nil
	})
}
