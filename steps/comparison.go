package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/spelling"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func (w *world) registerComparison(sc sentences) {
	sc.Step(`^compared with the baseline "([^"]*)":$`, w.withBaseline)
}

// comparing is a sentence that compares: its rows are read beforehand.
var comparing = regexp.MustCompile(`^compared with .*:$`)

// withBaseline holds the figures against those of a baseline, which is the bench.txt
// of a run, kept in git as baselines/NAME.txt beside the feature. Runs are compared,
// not requests: let everything be repeated, in the baseline too. A baseline of another
// model, server, workload or load is refused.
func (w *world) withBaseline(name string, table *godog.Table) error {
	rows, err := w.compared(table)
	if err != nil {
		return err
	}
	file, err := w.baselineFile(name)
	if err != nil {
		return err
	}
	base, err := store.ReadBaseline(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no baseline %q%s; to make one of this run: %s", name, spelling.DidYouMean(name, known(filepath.Dir(file))), w.makeBaseline(file))
	}
	if err == nil {
		base, err = base.Of(w.scenario.Name)
	}
	if err != nil {
		return err
	}
	if unlike := base.Unlike(w.scenario.Labels); unlike != nil {
		return fmt.Errorf("unlike runs are not compared: since the baseline %q was made, %s. If that is as it should be, make it anew: %s",
			name, differing(unlike), w.makeBaseline(file))
	}
	return w.holdAgainst(base, rows)
}

// compared are the rows of a comparison, of a load that has run.
func (w *world) compared(table *godog.Table) ([]harness.Objective, error) {
	switch {
	case w.run == nil:
		return nil, errors.New("there is nothing to compare yet; add: When the load runs for 5 minutes")
	case w.whole != nil && w.whole.Kind != trials.Repeats:
		return nil, errors.New("runs at different loads are not compared; let one load run: When the load runs for 5 minutes")
	}
	return w.objectives(table, slo.ParseComparison)
}

// holdAgainst compares and reports every row that is not met.
func (w *world) holdAgainst(base *store.Baseline, rows []harness.Objective) error {
	var table []slo.Compared
	for _, o := range rows {
		row := slo.Compared{Objective: o, Against: slo.OfBaseline, Paired: true, Beside: func(o harness.Objective) (of, now []float64) {
			of, _ = base.Values(slo.FigureName(o))
			now, _ = figures(w.windows(), o)
			return of, now
		}}
		var err error
		if row.Base, err = base.Values(slo.FigureName(o)); err != nil {
			return fmt.Errorf("%s: %w", o.Where, err)
		}
		if row.Now, err = figures(w.windows(), o); err != nil {
			return err
		}
		table = append(table, row)
	}
	verdicts := slo.Compare(table)
	if ours := w.scenario.Labels; ours["server"] == "real" && ours["gpu"] == "" { // nor have theirs, or they were unlike
		for i := range verdicts {
			verdicts[i].Notes = append(verdicts[i].Notes, "no GPU could be read on either side: nobody knows whether it is the same one")
		}
	}
	return w.answer(verdicts, w.windows())
}

// answer keeps the verdicts of a comparison, which mean nothing where one of the runs
// was unsound, and reports every row that is not met.
func (w *world) answer(verdicts []slo.Verdict, windows []*slo.Window) error {
	var unsound []string
	for _, window := range windows {
		for _, reason := range window.Audit() {
			if !slices.Contains(unsound, reason) {
				unsound = append(unsound, reason)
			}
		}
	}
	slo.Void(verdicts, unsound)
	w.note(verdicts)
	return w.failing(verdicts)
}

// figures are what a row is about, of each run.
func figures(windows []*slo.Window, o harness.Objective) (values []float64, err error) {
	for _, window := range windows {
		f, err := window.Figure(o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Where, err)
		}
		values = append(values, f.Value)
	}
	return values, nil
}

// windows are the runs that are compared.
func (w *world) windows() []*slo.Window {
	if w.whole != nil {
		return w.whole.windows
	}
	return []*slo.Window{w.measured()}
}

// comparisonAhead reads the rows of a comparison before the load, and its baseline if
// there is one: neither a typo nor a broken file must cost the time of a run.
func (w *world) comparisonAhead(step *godog.Step) error {
	if step.Argument == nil || step.Argument.DataTable == nil {
		return fmt.Errorf("%s: a comparison has a table: | p99 TTFT | at most 5%% worse |", w.suite.where(step.AstNodeIds))
	}
	rows, err := w.objectives(step.Argument.DataTable, slo.ParseComparison)
	if err != nil {
		return err
	}
	w.comparisons = append(w.comparisons, rows...)
	if named := regexp.MustCompile(`^compared with the baseline "([^"]*)":$`).FindStringSubmatch(step.Text); named != nil {
		file, err := w.baselineFile(named[1])
		if err == nil {
			_, err = store.ReadBaseline(file)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", w.suite.where(step.AstNodeIds), err)
		}
	}
	return nil
}

// baselineFile is where a baseline lies: beside the feature.
func (w *world) baselineFile(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("%q is no name of a baseline; it is that of a file in %s/baselines, without .txt", name, path.Dir(w.suite.file))
	}
	return filepath.Join(w.suite.env.fromRoot(filepath.FromSlash(path.Dir(w.suite.file))), "baselines", name+".txt"), nil
}

// makeBaseline is the command that makes this run a baseline.
func (w *world) makeBaseline(file string) string {
	file = w.suite.fromRoot(file)
	return fmt.Sprintf("mkdir -p %s && cp %s %s", quoted(path.Dir(file)), quoted(path.Join(w.suite.fromRoot(w.keptIn().Path()), "bench.txt")), quoted(file))
}

// keptIn is the folder of the run, or of all repeats.
func (w *world) keptIn() *store.Folder {
	if w.whole != nil {
		return w.whole.folder
	}
	return w.folder
}

// note keeps verdicts of the run, or of all repeats.
func (w *world) note(verdicts []slo.Verdict) {
	if w.whole != nil {
		w.whole.verdicts = append(w.whole.verdicts, verdicts...)
		return
	}
	w.verdicts = append(w.verdicts, verdicts...)
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if regexp.MustCompile(`^[\w@%+=:,./-]+$`).MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// known are the baselines of a folder.
func known(folder string) (names []string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), ".txt"); ok {
			names = append(names, name)
		}
	}
	return names
}

func differing(differences []store.Difference) string {
	var parts []string
	for _, d := range differences {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, "; ")
}
