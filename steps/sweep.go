package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/steps/internal/amount"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// sweepSentences run the load at several settings, and judge it at one of them.
func sweepSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^the load is swept over (.+) requests per second$`, Do: sweptOver(trials.Rate), Runs: true,
			Doc: `Runs the load once at each rate, and draws one curve of them. Objectives after it are met when they are met at
				every rate.`},
		{Pattern: `^the load is swept over (.+) users$`, Do: sweptOver(trials.Users), Runs: true,
			Doc: `Runs the load once with each number of users, and draws one curve of them. Objectives after it are met when
				they are met with every number.`},
		{Pattern: `^these objectives are met at (.+) per second:$`, Do: metAt(trials.Rate),
			Rows: rows.Parse, Judges: experiment.Objectives, Ahead: metAhead(trials.Rate),
			Doc: `Judges the rows at one of the rates that were swept over.`},
		{Pattern: `^these objectives are met with (.+) users:$`, Do: metAt(trials.Users),
			Rows: rows.Parse, Judges: experiment.Objectives, Ahead: metAhead(trials.Users),
			Doc: `Judges the rows with one of the numbers of users that were swept over.`},
	}
}

// sweptOver runs the load at each setting.
func sweptOver(scale trials.Scale) func(*world, context.Context, string) error {
	return func(w *world, ctx context.Context, list string) error {
		var err error
		if w.design.settings, err = settings(scale, list); err != nil {
			return err
		}
		w.design.scale = scale
		if err := w.prepare(trials.Sweep, w.design.settings[0]); err != nil {
			return err
		}
		return w.run(ctx, experiment.Sweep{Scale: scale, Settings: w.design.settings, Times: w.design.repeats, Each: w.design.perRun})
	}
}

// metAt judges rows at one setting of a sweep.
func metAt(scale trials.Scale) func(*judgement, *design, string, []harness.Objective) error {
	return func(j *judgement, d *design, setting string, rows []harness.Objective) error {
		at, err := d.sweptSetting(scale, setting)
		if err != nil {
			return err
		}
		return j.objectivesAreMet(of(at, rows))
	}
}

// of are rows about one setting of a sweep.
func of(setting string, rows []harness.Objective) []harness.Objective {
	for i := range rows {
		rows[i].Setting = setting
	}
	return rows
}

// metAhead reads rows about one setting before the load.
func metAhead(scale trials.Scale) func(*world, said) (experiment.Question, error) {
	return func(w *world, s said) (experiment.Question, error) {
		if w.design.searchRange != nil {
			return objectivesAhead(w, s)
		}
		at, err := w.design.sweptSetting(scale, s.Args[0])
		if err != nil {
			return experiment.Question{}, sentence.Placed(s.At(), err)
		}
		asked, err := objectivesAhead(w, s)
		asked.Rows = of(at, asked.Rows)
		return asked, err
	}
}

// sweptSetting is one of those that are swept over, as objectives name it.
func (d *design) sweptSetting(scale trials.Scale, written string) (string, error) {
	setting, err := quantity.Number(written)
	switch {
	case err != nil:
		return "", err
	case d.settings == nil:
		return "", errors.New("the load is not swept, and has one setting only; write \"Then these objectives are met:\"")
	case d.scale != scale:
		return "", fmt.Errorf("the load is swept over %s, and not over %s", d.scale, scale)
	case !slices.Contains(d.settings, setting):
		return "", fmt.Errorf("the load is not swept over %s, but over %s", scale.Quantity(setting), amount.Listed(d.settings))
	}
	return scale.At(setting), nil
}

// settings reads "2, 4, 8 and 16".
func settings(scale trials.Scale, list string) (all []float64, err error) {
	for _, one := range strings.Split(strings.ReplaceAll(list, " and ", ", "), ", ") {
		var setting float64
		if scale == trials.Users {
			var n int
			n, err = amount.Count(strings.TrimSpace(one), "users", 1)
			setting = float64(n)
		} else {
			setting, err = amount.Rate(strings.TrimSpace(one))
		}
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && setting <= all[len(all)-1] {
			return nil, fmt.Errorf("%s comes after %s; a sweep goes upwards, and to each setting once", scale.Quantity(setting), scale.Quantity(all[len(all)-1]))
		}
		all = append(all, setting)
	}
	if len(all) < 2 {
		return nil, errors.New("a sweep has at least two settings; write: the load is swept over 2, 4 and 8 requests per second")
	}
	return all, nil
}
