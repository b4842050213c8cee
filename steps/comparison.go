package steps

import (
	"cmp"
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/past"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// comparisonSentences hold runs against those of another time.
func comparisonSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^compared with the baseline "([^"]*)":$`, Do: (*world).withBaseline, Rows: rows.compare, Judges: experiment.Baseline, Ahead: baselineAhead,
			Doc: `Holds the figures against those of a baseline, which is the bench.txt of a run, kept in git as
				baselines/NAME.txt beside the feature. Runs are compared, not requests: let everything be repeated, in the
				baseline too. A baseline of another model, server, workload or load is refused.`},
		{Pattern: `^compared with the last (\d+) runs(?: on the branch "([^"]*)")?:$`, Do: (*world).withLastRuns, Rows: rows.compare, Judges: experiment.Baseline, Ahead: lastRunsAhead,
			Doc: `Holds the figures against those of the scenario's own last runs, of all branches or of one. They are looked for in the
				history: in the folder of the runs, or in the database that several machines share. The rows are unknown while no
				such run is stored; unlike runs are refused.`},
		{Pattern: `^compared with the run "([^"]*)":$`, Do: (*world).withRun, Rows: rows.compare, Judges: experiment.Baseline, Ahead: runAhead,
			Doc: `Holds the figures against those of a stored run, by the name of its folder, or the newest one whose name ends
				so.`},
	}
}

func (w *world) withBaseline(name string, rows []harness.Objective) error {
	base, _ := past.Beside(w.Feature, w.Folder, name) // which baselineAhead refuses
	return w.against(base, rows)
}

func (w *world) withLastRuns(runs, branch string, rows []harness.Objective) error {
	last, err := past.ReadLast(runs, branch)
	if err != nil {
		return err
	}
	return w.against(last, rows)
}

func (w *world) withRun(name string, rows []harness.Objective) error {
	return w.against(past.Stored{Name: name}, rows)
}

// against holds the runs against those of another time.
func (w *world) against(runs past.Reference, rows []harness.Objective) error {
	if err := w.comparable(&w.design); err != nil {
		return err
	}
	verdicts, err := w.experiment.Against(runs, experiment.Question{Rows: rows})
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
	base, err := past.Beside(w.Feature, w.Folder, s.Args[0])
	asked.File = base.Copy()
	if err == nil {
		err = base.Check()
	}
	return asked, sentence.Placed(s.At(), err)
}

// lastRunsAhead reads how many runs are compared with.
func lastRunsAhead(w *world, s said) (experiment.Question, error) {
	last, wrong := past.ReadLast(s.Args[0], s.Args[1])
	asked, err := comparisonAhead(w, s)
	asked.Baseline = last.String()
	return asked, cmp.Or(sentence.Placed(s.At(), wrong), err)
}

// runAhead reads which run is compared with.
func runAhead(w *world, s said) (experiment.Question, error) {
	_, wrong := past.ReadStored(s.Args[0])
	asked, err := comparisonAhead(w, s)
	return asked, cmp.Or(sentence.Placed(s.At(), wrong), err)
}
