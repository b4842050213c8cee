package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func (w *world) registerSweep(sc sentences) {
	sc.Step(`^the load is swept over (.+) requests per second$`, w.sweptOverRates)
	sc.Step(`^the load is swept over (.+) users$`, w.sweptOverUsers)
	sc.Step(`^these objectives are met at (.+) per second:$`, w.metAtRate)
	sc.Step(`^these objectives are met with (.+) users:$`, w.metWithUsers)
}

// sweptOverRates runs the load once at each rate, and draws one curve of them.
// Objectives after it are met when they are met at every rate.
func (w *world) sweptOverRates(ctx context.Context, list string) error {
	return w.sweep(ctx, trials.Rate, list)
}

// sweptOverUsers runs the load once with each number of users, and draws one curve of
// them. Objectives after it are met when they are met with every number.
func (w *world) sweptOverUsers(ctx context.Context, list string) error {
	return w.sweep(ctx, trials.Users, list)
}

// metAtRate judges the rows at one of the rates that were swept over.
func (w *world) metAtRate(rate string, table *godog.Table) error {
	return w.metAt(trials.Rate, rate, table)
}

// metWithUsers judges the rows with one of the numbers of users that were swept over.
func (w *world) metWithUsers(users string, table *godog.Table) error {
	return w.metAt(trials.Users, users, table)
}

func (w *world) metAt(scale trials.Scale, setting string, table *godog.Table) (err error) {
	if w.at, err = w.sweptSetting(scale, setting); err != nil {
		return err
	}
	defer func() { w.at = "" }()
	return w.objectivesAreMet(table)
}

var metAtSentence = regexp.MustCompile(`^these objectives are met (at|with) (\S+) (per second|users):$`)

// objectivesAt are the rows of a step, with the setting that it is about.
func (w *world) objectivesAt(step *messages.PickleStep) (rows []harness.Objective, err error) {
	if w.sought != nil {
		return nil, fmt.Errorf("%s: a search judges the rows that it seeks for; write: Then that rate is at least 24 per second", w.suite.where(step.AstNodeIds))
	}
	if said := metAtSentence.FindStringSubmatch(step.Text); said != nil {
		scale := trials.Rate
		if said[1] == "with" {
			scale = trials.Users
		}
		if w.at, err = w.sweptSetting(scale, said[2]); err != nil {
			return nil, fmt.Errorf("%s: %w", w.suite.where(step.AstNodeIds), err)
		}
		defer func() { w.at = "" }()
	}
	return w.objectives(step.Argument.DataTable, slo.Parse)
}

// sweptSetting is one of those that are swept over, as objectives name it.
func (w *world) sweptSetting(scale trials.Scale, written string) (string, error) {
	setting, err := number(written)
	switch {
	case err != nil:
		return "", err
	case w.settings == nil:
		return "", errors.New("the load is not swept, and has one setting only; write \"Then these objectives are met:\"")
	case w.scale != scale:
		return "", fmt.Errorf("the load is swept over %s, and not over %s", w.scale, scale)
	case !slices.Contains(w.settings, setting):
		return "", fmt.Errorf("the load is not swept over %s, but over %s", scale.Quantity(setting), listed(w.settings))
	}
	return scale.At(setting), nil
}

// listed are settings as a sentence names them: "2, 4 and 8".
func listed(all []float64) string {
	var words []string
	for _, setting := range all {
		words = append(words, strconv.FormatFloat(setting, 'f', -1, 64))
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// sweep runs the load at each setting.
func (w *world) sweep(ctx context.Context, scale trials.Scale, list string) error {
	var err error
	if w.settings, err = settings(scale, list); err != nil {
		return err
	}
	w.scale = scale
	times := max(1, w.repeats)
	if err := w.prepare(trials.Sweep, len(w.settings)*times, w.settings[0]); err != nil {
		return err
	}
	var all []attempt
	var planned []time.Duration
	for _, setting := range w.settings {
		a, err := w.attempt(setting, w.scenario.Objectives, 0)
		if err != nil {
			return err
		}
		a.alone = of(w.scenario.Objectives, scale.At(setting))
		for range times {
			all, planned = append(all, a), append(planned, a.load.Planned())
		}
	}
	return w.onServer(ctx, planned, func(ctx context.Context) error {
		defer w.drawCurve()
		for _, a := range all {
			window, err := w.tryAt(ctx, a)
			if window != nil {
				w.whole.windows = append(w.whole.windows, window)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// of are the objectives at a setting.
func of(objectives []harness.Objective, setting string) (at []harness.Objective) {
	for _, o := range objectives {
		if o.Setting == "" || o.Setting == setting {
			o.Setting = setting
			at = append(at, o)
		}
	}
	return at
}

// settings reads "2, 4, 8 and 16".
func settings(scale trials.Scale, list string) (all []float64, err error) {
	for _, one := range strings.Split(strings.ReplaceAll(list, " and ", ", "), ", ") {
		var setting float64
		if scale == trials.Users {
			var n int
			n, err = count(strings.TrimSpace(one), "users", 1)
			setting = float64(n)
		} else {
			setting, err = rate(strings.TrimSpace(one))
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

// drawCurve makes the curve of the points that there are.
func (w *world) drawCurve() {
	whole := w.whole
	var points []trials.Point
	for from, to := range whole.points() {
		windows, setting := whole.windows[from:to], whole.Trials[from].Setting
		together := slo.Together(windows)
		p := trials.Point{Setting: setting, Figures: trials.Figures(together), Verdicts: together.Judge(of(w.scenario.Objectives, whole.Scale.At(setting)))}
		p.Outcome = worst(p.Verdicts)
		for i, t := range whole.Trials[from:to] {
			p.Runs, p.Requests = append(p.Runs, t.Run), p.Requests+t.Requests
			if len(windows[i].Audit()) == 0 { // else the backlog may be our own client's
				p.Saturated = cmp.Or(p.Saturated, windows[i].Saturated())
			}
		}
		points = append(points, p)
	}
	whole.Curve = trials.NewCurve(points, len(w.gpus))
}

// points are the first run at each setting, and that after the last.
func (whole *whole) points() iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from, to := 0, 0; from < len(whole.windows); from = to {
			for to = from; to < len(whole.windows) && whole.Trials[to].Setting == whole.Trials[from].Setting; to++ {
			}
			if !yield(from, to) {
				return
			}
		}
	}
}

// judgePoints judges rows at each point, or at the one that they are about.
func (whole *whole) judgePoints(objectives []harness.Objective) (verdicts []slo.Verdict) {
	for from, to := range whole.points() {
		if rows := of(objectives, whole.Scale.At(whole.Trials[from].Setting)); len(rows) > 0 {
			verdicts = append(verdicts, slo.Together(whole.windows[from:to]).Judge(rows)...)
		}
	}
	whole.verdicts = append(whole.verdicts, verdicts...)
	return verdicts
}
