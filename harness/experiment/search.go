package experiment

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// search looks for the highest setting that meets the objectives: by bisection, with a run at each
// setting, and more of them where one does not decide.
func (e *Experiment) search(ctx context.Context, plan Search) error {
	first, err := e.plan.attempt(plan.Scale, plan.Each, math.Sqrt(plan.From*plan.To), 0)
	if err != nil {
		return err
	}
	if err := e.begin(trials.Search, plan.Scale, 0); err != nil {
		return err
	}
	return e.onServer(ctx, []time.Duration{first.load.Planned()}, func(ctx context.Context) error {
		s := &searching{Experiment: e, plan: plan, ctx: ctx, windows: map[float64][]*measure.Window{}}
		f, err := trials.Bisection{Low: plan.From, High: plan.To, Scale: plan.Scale}.Run(s.try)
		f.Objectives, e.group.Search = e.scenario.Objectives, f
		e.session.say(f.Says + " (" + f.Ended + ")")
		return err
	})
}

// Found is the answer of a search; nil where it came to none.
func (e *Experiment) Found() *trials.Finding {
	if e.group == nil {
		return nil
	}
	return e.group.Search
}

// searching is a search while it goes on.
type searching struct {
	*Experiment
	plan    Search
	ctx     context.Context
	windows map[float64][]*measure.Window // by setting
	spent   time.Duration                 // by loads
}

// try runs a setting again: once at first, and then until it has twice the runs that it had.
func (s *searching) try(setting float64, before *trials.Probe, _ bool) (*trials.Probe, error) {
	rows := s.scenario.Objectives
	a, err := s.Experiment.plan.attempt(s.plan.Scale, s.plan.Each, setting, len(s.windows[setting]))
	if err != nil {
		return nil, err
	}
	a.alone, a.stopLimits = rows, trials.StopLimits(rows)
	more := trials.More(len(s.windows[setting]))
	if err := s.timeFor(time.Duration(more) * a.load.Planned()); err != nil {
		return nil, err
	}
	sum := trials.Probe{}
	if before != nil {
		sum = *before
	}
	for range more {
		t, err := s.runAt(s.ctx, a)
		if t.window == nil {
			return nil, err
		}
		s.group.windows = append(s.group.windows, t.window)
		s.windows[setting] = append(s.windows[setting], t.window)
		s.spent += t.run.Length
		last := s.group.Trials[len(s.group.Trials)-1]
		sum.Runs, sum.LengthNS, sum.Requests = append(sum.Runs, last.Run), sum.LengthNS+last.LengthNS, sum.Requests+last.Requests
		if err != nil || t.run.Stopped.Early() {
			return s.probe(setting, sum), err
		}
	}
	return s.probe(setting, sum), nil
}

// timeFor is an error where no time is left for a load of a length.
func (s *searching) timeFor(planned time.Duration) error {
	if most := s.plan.AtMost; most > 0 && s.spent+planned > most {
		return fmt.Errorf("%w: the search takes at most %v, and the next run would take %v", trials.ErrSpent, most, planned.Round(time.Second))
	}
	deadline, limited := s.session.deadline(s.Experiment.plan)
	if !limited {
		return nil
	}
	if left, of := time.Until(deadline), s.session.Remedies.Deadline; planned+s.Experiment.plan.grace()+between > left {
		return fmt.Errorf("%w: %s leaves %v, and the next run would take %v%s", trials.ErrSpent, cmp.Or(of.Whose, "the deadline"), left.Round(time.Second), planned.Round(time.Second), clause(of.Narrower))
	}
	return nil
}

// probe is the result of all runs of a setting.
func (s *searching) probe(setting float64, sum trials.Probe) *trials.Probe {
	p := s.group.Probe(setting, s.windows[setting], s.scenario.Objectives, s.last.run.Stopped)
	p.Runs, p.LengthNS, p.Requests = sum.Runs, sum.LengthNS, sum.Requests
	return p
}
