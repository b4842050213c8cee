package experiment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Judge answers a question, and keeps it, by which a stored run can be judged again.
func (e *Experiment) Judge(asked Question) ([]slo.Verdict, error) { return e.judge(asked, nil) }

func (e *Experiment) judge(asked Question, base *store.Baseline) ([]slo.Verdict, error) {
	e.session.reach(Judging)
	verdicts, err := e.runs().Answer(asked, base)
	if err != nil {
		return nil, err
	}
	judged, all := &e.last.judged, &e.last.verdicts
	if e.group != nil {
		judged, all = &e.group.judged, &e.group.verdicts
	}
	*judged, *all = append(*judged, asked), append(*all, verdicts...)
	return verdicts, nil
}

// Verdicts are all that were given so far.
func (e *Experiment) Verdicts() []slo.Verdict {
	switch {
	case e.group != nil:
		return e.group.verdicts
	case e.last != nil:
		return e.last.verdicts
	}
	return nil
}

// runs are what the verdicts rest on.
func (e *Experiment) runs() *judge.Runs {
	runs := &judge.Runs{Labels: e.scenario.Labels, Good: e.scenario.Good, Ledgers: e.ledgers,
		OwnCache: e.scenario.Cache == nil && !e.scenario.Leftovers}
	if e.group == nil {
		window := e.last.measured()
		runs.Windows, runs.Observed = []*measure.Window{window}, map[*measure.Window]*diagnose.Observer{window: e.last.observer}
		return runs
	}
	runs.Group, runs.Windows, runs.Others, runs.Observed = &e.group.Group, e.group.windows, e.group.others, e.group.observed
	return runs
}

// Against judges rows against a baseline: the bench.txt of a run that is kept in a file. The folder of
// the run gets a copy of it, so that its verdicts are a function of the folder.
func (e *Experiment) Against(name, file string, asked Question) ([]slo.Verdict, error) {
	base, err := store.ReadBaseline(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no baseline %q%s; to make one of this run: %s", name, spelling.DidYouMean(name, store.Baselines(filepath.Dir(file))), e.session.makeBaseline(e.folder(), file))
	}
	if err == nil {
		base, err = base.Of(e.scenario.Name)
	}
	if err != nil {
		return nil, err
	}
	if unlike := base.Unlike(e.scenario.Labels); unlike != nil {
		return nil, fmt.Errorf("unlike runs are not compared: since the baseline %q was made, %s. If that is as it should be, make it anew: %s",
			name, differing(unlike), e.session.makeBaseline(e.folder(), file))
	}
	asked.Kind, asked.Baseline, asked.File = Baseline, name, CopyOf(name)
	raw, err := os.ReadFile(file)
	if err == nil {
		err = e.folder().WriteFile(asked.File, raw)
	}
	if err != nil {
		return nil, err
	}
	return e.judge(asked, base)
}

// CheckBaseline reads the file of a baseline, which need not be there.
func CheckBaseline(file string) error {
	if _, err := store.ReadBaseline(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// CopyOf is the file in a run's folder that holds what a baseline was when the run was
// compared with it.
func CopyOf(baseline string) string { return "baseline-" + baseline + ".txt" }

// folder is that of the run, or of all of them together.
func (e *Experiment) folder() *store.Folder {
	if e.group != nil {
		return e.group.folder
	}
	return e.last.folder
}

// makeBaseline is the command that makes this run a baseline.
func (s *Session) makeBaseline(of *store.Folder, file string) string {
	file = s.fromRoot(file)
	return fmt.Sprintf("mkdir -p %s && cp %s %s", quoted(path.Dir(file)), quoted(path.Join(s.fromRoot(of.Path()), "bench.txt")), quoted(file))
}

// quoted is a path as a shell takes it.
func quoted(path string) string {
	if regexp.MustCompile(`^[\w@%+=:,./-]+$`).MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

func differing(differences []store.Difference) string {
	var parts []string
	for _, d := range differences {
		parts = append(parts, d.String())
	}
	return strings.Join(parts, "; ")
}
