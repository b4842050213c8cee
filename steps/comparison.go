package steps

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// comparisonSentences hold runs against those of another time.
func comparisonSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^compared with the baseline "([^"]*)":$`, Do: (*world).withBaseline, Rows: rows.compare, Judges: experiment.Baseline, Ahead: baselineAhead,
			Doc: `Holds the figures against those of a baseline, which is the bench.txt of a run, kept in git as
				baselines/NAME.txt beside the feature. Runs are compared, not requests: let everything be repeated, in the
				baseline too. A baseline of another model, server, workload or load is refused.`},
	}
}

func (w *world) withBaseline(name string, rows []harness.Objective) error {
	if err := w.comparable(&w.design); err != nil {
		return err
	}
	file, err := w.baselineFile(name)
	if err != nil {
		return err
	}
	verdicts, err := w.experiment.Against(name, file, experiment.Question{Rows: rows})
	if err != nil {
		return err
	}
	return w.failing(verdicts)
}

// comparable refuses a comparison of what has not run, or at several loads.
func (j *judgement) comparable(d *design) error {
	switch {
	case !j.ran():
		return errors.New("there is nothing to compare yet; add: When the load runs for 5 minutes")
	case d.scale != "":
		return errors.New("runs at different loads are not compared; let one load run: When the load runs for 5 minutes")
	}
	return nil
}

// comparisonAhead reads the rows of a comparison before the load.
func comparisonAhead(_ *world, s said) (asked experiment.Question, err error) {
	if s.Table == nil {
		return asked, sentence.Placed(s.At(), errors.New("a comparison has a table: | p99 TTFT | at most 5% worse |"))
	}
	asked.Kind = s.Judges
	asked.Rows, err = s.Objectives()
	return asked, err
}

// baselineAhead reads the baseline too, if there is one: neither a typo nor a broken file must
// cost the time of a run.
func baselineAhead(w *world, s said) (experiment.Question, error) {
	asked, err := comparisonAhead(w, s)
	if err != nil {
		return asked, err
	}
	asked.File = experiment.CopyOf(s.Args[0])
	file, err := w.baselineFile(s.Args[0])
	if err == nil {
		err = experiment.CheckBaseline(file)
	}
	if err != nil {
		return asked, sentence.Placed(s.At(), err)
	}
	return asked, nil
}

// baselineFile is where a baseline lies: beside the feature.
func (w *world) baselineFile(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, `/\`) {
		return "", fmt.Errorf("%q is no name of a baseline; it is that of a file in %s/baselines, without .txt", name, path.Dir(w.Feature))
	}
	return filepath.Join(w.Folder, "baselines", name+".txt"), nil
}
