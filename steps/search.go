package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// searchSentences search for a capacity, and judge it.
func searchSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^the search takes at most (.+)$`, Do: (*design).searchTakes,
			Doc: `Bounds how long loads of a search run in all. What is not known by then is in the width of its answer.`},
		{Pattern: `^the highest request rate between (.+) and (.+) per second is sought that meets:$`, Do: sought(trials.Rate), Runs: true, Rows: rows.Parse,
			Doc: `Looks for the highest request rate that meets all rows: by bisection, with a run at each rate, and more of them
				where one does not decide. The answer is an interval, whose ends are confirmed by runs of their own.`},
		{Pattern: `^the highest number of users between (.+) and (.+) is sought that meets:$`, Do: sought(trials.Users), Runs: true, Rows: rows.Parse,
			Doc: `Looks for the highest number of users that meets all rows.`},
		{Pattern: `^that rate is at least (.+) per second$`, Do: found(trials.Rate), Judges: experiment.Capacity, Ahead: capacityAhead(trials.Rate),
			Doc: `Judges the rate that was found: it is met when a rate at least as high was seen to meet the rows, and missed
				when one that is not higher was seen to miss them.`},
		{Pattern: `^that number of users is at least (.+)$`, Do: found(trials.Users), Judges: experiment.Capacity, Ahead: capacityAhead(trials.Users),
			Doc: `Judges the number of users that was found.`},
	}
}

func (d *design) searchTakes(length string) (err error) {
	d.budget, err = amount.Duration(length)
	return err
}

// sought searches a range.
func sought(scale trials.Scale) func(w *world, ctx context.Context, from, to string, rows []harness.Objective) error {
	return func(w *world, ctx context.Context, from, to string, rows []harness.Objective) error {
		all, err := settings(scale, from+" and "+to)
		if _, turned := settings(scale, to+" and "+from); err != nil && turned == nil {
			return fmt.Errorf("a search goes from the lower end to the higher; write: between %s and %s", to, from)
		}
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return errors.New("nothing says what the rate must meet; add a row: | p99 TTFT | at most 500 ms |")
		}
		if w.design.repeats > 0 {
			return fmt.Errorf("a search runs each load as often as it needs; leave out: everything is repeated %d times", w.design.repeats)
		}
		w.design.scale, w.design.searchRange = scale, all
		if err := w.prepare(trials.Search, all[0]); err != nil {
			return err
		}
		if err := w.fit(rows); err != nil {
			return err
		}
		w.scenario.Objectives = rows
		return w.run(ctx, experiment.Search{Scale: scale, From: all[0], To: all[1], Each: w.design.perRun, AtMost: w.design.budget})
	}
}

// found judges what the search found.
func found(scale trials.Scale) func(*judgement, *design, said, string) error {
	return func(j *judgement, d *design, s said, least string) error {
		limit, err := d.foundLimit(scale, least)
		if err != nil {
			return err
		}
		if j.experiment == nil || j.experiment.Found() == nil {
			return errors.New("the search did not come to an end")
		}
		verdicts, err := j.experiment.Judge(experiment.Question{Kind: experiment.Capacity, Rows: d.soughtRow(s, limit)})
		if err != nil {
			return err
		}
		return j.failing(verdicts)
	}
}

// soughtRow is what a sentence expects of the answer.
func (d *design) soughtRow(s said, least float64) []harness.Objective {
	o := trials.Group{Scale: d.scale}.Capacity(least).Objective
	o.Where = s.At()
	return []harness.Objective{o}
}

// foundLimit reads what is expected of the answer: it must be one that can be found.
func (d *design) foundLimit(scale trials.Scale, least string) (float64, error) {
	limit, err := quantity.Number(least)
	switch {
	case err != nil:
		return 0, err
	case d.searchRange == nil:
		return 0, errors.New("nothing was sought; add the sentence \"When the highest request rate between 1 and 64 per second is sought that meets:\"")
	case scale != d.scale:
		return 0, fmt.Errorf("%s are sought, and not %s", d.scale, scale)
	case limit < d.searchRange[0] || limit > d.searchRange[1]:
		return 0, fmt.Errorf("the search goes from %s to %s, and cannot tell whether it is %s", scale.Quantity(d.searchRange[0]), scale.Quantity(d.searchRange[1]), scale.Quantity(limit))
	}
	return limit, nil
}

// capacityAhead reads what a sentence expects of the answer, before it is sought.
func capacityAhead(scale trials.Scale) func(*world, said) (experiment.Question, error) {
	return func(w *world, s said) (experiment.Question, error) {
		limit, err := w.design.foundLimit(scale, s.Args[0])
		if err != nil {
			return experiment.Question{}, sentence.Placed(s.At(), err)
		}
		return experiment.Question{Kind: experiment.Capacity, Rows: w.design.soughtRow(s, limit)}, nil
	}
}
