package steps

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func (w *world) registerSearch(sc sentences) {
	sc.Step(`^the search takes at most (.+)$`, w.searchTakes)
	sc.Step(`^the highest request rate between (.+) and (.+) per second is sought that meets:$`, w.rateIsSought)
	sc.Step(`^the highest number of users between (.+) and (.+) is sought that meets:$`, w.usersAreSought)
	sc.Step(`^that rate is at least (.+) per second$`, w.thatRate)
	sc.Step(`^that number of users is at least (.+)$`, w.thatNumber)
}

// searchTakes bounds how long loads of a search run in all. What is not known by then
// is in the width of its answer.
func (w *world) searchTakes(length string) (err error) {
	w.atMost, err = duration(length)
	return err
}

// rateIsSought looks for the highest request rate that meets all rows: by bisection,
// with a run at each rate, and more of them where one does not decide. The answer is
// an interval, whose ends are confirmed by runs of their own.
func (w *world) rateIsSought(ctx context.Context, low, high string, table *godog.Table) error {
	return w.seek(ctx, trials.Rate, low, high, table)
}

// usersAreSought looks for the highest number of users that meets all rows.
func (w *world) usersAreSought(ctx context.Context, low, high string, table *godog.Table) error {
	return w.seek(ctx, trials.Users, low, high, table)
}

// thatRate judges the rate that was found: it is met when a rate at least as high was
// seen to meet the rows, and missed when one that is not higher was seen to miss them.
func (w *world) thatRate(least string) error { return w.found(trials.Rate, least) }

// thatNumber judges the number of users that was found.
func (w *world) thatNumber(least string) error { return w.found(trials.Users, least) }

// seek searches a range.
func (w *world) seek(ctx context.Context, scale trials.Scale, from, to string, table *godog.Table) error {
	all, err := settings(scale, from+" and "+to)
	if _, turned := settings(scale, to+" and "+from); err != nil && turned == nil {
		return fmt.Errorf("a search goes from the lower end to the higher; write: between %s and %s", to, from)
	}
	if err != nil {
		return err
	}
	rows, err := w.objectives(table, slo.Parse)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errors.New("nothing says what the rate must meet; add a row: | p99 TTFT | at most 500 ms |")
	}
	if w.repeats > 0 {
		return fmt.Errorf("a search runs each load as often as it needs; leave out: everything is repeated %d times", w.repeats)
	}
	w.scale, w.sought = scale, all
	if err := w.prepare(trials.Search, 0, all[0]); err != nil {
		return err
	}
	if err := w.classesExist(rows); err != nil {
		return err
	}
	w.scenario.Objectives, w.whole.scenario.Objectives = rows, rows
	s := &seeking{world: w, ctx: ctx, windows: map[float64][]*slo.Window{}}
	first, err := w.attempt(math.Sqrt(all[0]*all[1]), rows, 0)
	if err != nil {
		return err
	}
	return w.onServer(ctx, []time.Duration{first.load.Planned()}, func(ctx context.Context) error {
		s.ctx = ctx
		f, err := trials.Bisection{Low: all[0], High: all[1], Scale: scale}.Run(s.try)
		f.Objectives, w.whole.Search = rows, f
		w.say(f.Says + " (" + f.Ended + ")")
		return err
	})
}

// A seeking is a search while it goes on.
type seeking struct {
	*world
	ctx     context.Context
	windows map[float64][]*slo.Window // by setting
	spent   time.Duration             // by loads
}

// try runs a setting again: once at first, and then as often as gives it twice the
// runs that it had.
func (s *seeking) try(setting float64, before *trials.Probe, _ bool) (*trials.Probe, error) {
	rows := s.scenario.Objectives
	a, err := s.attempt(setting, rows, len(s.windows[setting]))
	if err != nil {
		return nil, err
	}
	a.alone, a.hopeless = rows, hopeless(rows)
	more := trials.More(len(s.windows[setting]))
	if err := s.timeFor(time.Duration(more) * a.load.Planned()); err != nil {
		return nil, err
	}
	sum := trials.Probe{}
	if before != nil {
		sum = *before
	}
	for range more {
		window, err := s.tryAt(s.ctx, a)
		if window == nil {
			return nil, err
		}
		s.whole.windows = append(s.whole.windows, window)
		s.windows[setting] = append(s.windows[setting], window)
		s.spent += s.run.Length
		last := s.whole.Trials[len(s.whole.Trials)-1]
		sum.Runs, sum.LengthNS, sum.Requests = append(sum.Runs, last.Run), sum.LengthNS+last.LengthNS, sum.Requests+last.Requests
		if err != nil || s.run.Stopped != "" {
			return s.probe(setting, sum), err
		}
	}
	return s.probe(setting, sum), nil
}

// hopeless are limits of which a load need not go on that misses them: three times
// those that are sought for, where a miss can be told before the end.
func hopeless(rows []harness.Objective) (out []harness.Objective) {
	for _, o := range rows {
		if o.Relation != harness.AtMost || o.Limit == 0 || slo.CanBeLost(o) != nil {
			continue
		}
		o.Limit *= 3
		o.Text += ", and three times that,"
		out = append(out, o)
	}
	return out
}

// timeFor is an error where no time is left for a load of a length.
func (s *seeking) timeFor(planned time.Duration) error {
	if s.atMost > 0 && s.spent+planned > s.atMost {
		return fmt.Errorf("%w: the search takes at most %v, and the next run would take %v", trials.ErrSpent, s.atMost, planned.Round(time.Second))
	}
	deadline, limited := s.suite.deadline()
	if !limited || s.suite.inBubble {
		return nil
	}
	if left := time.Until(deadline); planned+grace+between > left {
		return fmt.Errorf("%w: go test leaves %v, and the next run would take %v; a longer -timeout gives a narrower answer", trials.ErrSpent, left.Round(time.Second), planned.Round(time.Second))
	}
	return nil
}

// probe is what all runs of a setting show. One that had to be ended, hopeless as it
// was, is missed.
func (s *seeking) probe(setting float64, sum trials.Probe) *trials.Probe {
	p := trials.NewProbe(setting, s.windows[setting], s.scenario.Objectives)
	p.Runs, p.LengthNS, p.Requests = sum.Runs, sum.LengthNS, sum.Requests
	if why, ended := strings.CutPrefix(s.run.Stopped, harness.Abandoned); ended {
		p.Outcome, p.Ended, p.Decides, p.Why = slo.Missed, true, why, s.run.Stopped
	}
	return p
}

// found judges what the search found.
func (w *world) found(scale trials.Scale, least string) error {
	limit, err := w.foundLimit(scale, least)
	if err != nil {
		return err
	}
	if w.whole == nil || w.whole.Search == nil {
		return errors.New("the search did not come to an end")
	}
	v := capacity(w.whole.Whole, limit)
	v.Where = w.suite.where(w.step.AstNodeIds)
	w.whole.verdicts = append(w.whole.verdicts, v)
	return w.failing([]slo.Verdict{v})
}

// foundLimit reads what is expected of the answer: it must be one that can be found.
func (w *world) foundLimit(scale trials.Scale, least string) (float64, error) {
	limit, err := number(least)
	switch {
	case err != nil:
		return 0, err
	case w.sought == nil:
		return 0, errors.New("nothing was sought; add the sentence \"When the highest request rate between 1 and 64 per second is sought that meets:\"")
	case scale != w.scale:
		return 0, fmt.Errorf("%s are sought, and not %s", w.scale, scale)
	case limit < w.sought[0] || limit > w.sought[1]:
		return 0, fmt.Errorf("the search goes from %s to %s, and cannot tell whether it is %s", scale.Quantity(w.sought[0]), scale.Quantity(w.sought[1]), scale.Quantity(limit))
	}
	return limit, nil
}

var thatSentence = regexp.MustCompile(`^that (rate|number of users) is at least (\S+)`)

// expectsOfSearch reads what a sentence expects of the answer, before it is sought.
func (w *world) expectsOfSearch(step *messages.PickleStep) error {
	said := thatSentence.FindStringSubmatch(step.Text)
	scale := trials.Rate
	if said[1] != "rate" {
		scale = trials.Users
	}
	if _, err := w.foundLimit(scale, said[2]); err != nil {
		return fmt.Errorf("%s: %w", w.suite.where(step.AstNodeIds), err)
	}
	return nil
}

// capacity is the verdict on the answer of a search: its value is what was seen to
// meet the objectives.
func capacity(whole trials.Whole, least float64) slo.Verdict {
	f := whole.Search
	v := slo.Verdict{Value: f.Lo, Lo: f.Lo, Hi: f.Hi, Unit: slo.PerSecond, Outcome: slo.Unknown, Notes: []string{f.Says, f.Ended}}
	v.Metric, v.Relation, v.Limit = "request rate that meets them", harness.AtLeast, least
	if whole.Scale == trials.Users {
		v.Metric, v.Unit = "number of users that meets them", slo.Count
	}
	v.Statistic = "highest"
	v.Text = v.Name() + " at least " + whole.Scale.Quantity(least)
	for _, p := range f.Probes {
		v.N += p.Requests
	}
	if f.Hi == 0 {
		v.Hi = math.Inf(1)
	}
	if f.Lo == 0 { // nothing was seen to meet them
		v.Value, v.Lo, v.N = math.NaN(), math.Inf(-1), 0
	}
	switch {
	case f.Lo >= least:
		v.Outcome = slo.Met
	case f.Hi > 0 && f.Hi <= least:
		v.Outcome = slo.Missed
	}
	return v
}
