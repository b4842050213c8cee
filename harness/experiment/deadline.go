package experiment

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// graceLeast is how long answers are awaited after a load at least: where the deadline leaves
// less, the load is refused. One of several different loads awaits them no longer, since
// one that is more than the server can do would hold up all others.
const graceLeast = time.Minute

const (
	storing       = 15 * time.Second // before the deadline a run must have ended, to be judged and stored
	afterDeadline = time.Second      // in which a run may end by itself, once its own time is over
)

// deadline is when the process is killed, by the clock that the load of a plan goes by; false: never.
func (s *Session) deadline(p Plan) (time.Time, bool) {
	return s.Deadline, !s.Deadline.IsZero() && !p.Virtual
}

// grace is how much time after a load there must be at least.
func (p Plan) grace() time.Duration { return cmp.Or(max(0, p.Grace), graceLeast) }

// awaits lets a runner wait for answers as the plan says, and no longer than the deadline
// leaves: what is stored then is whole, and what is killed is not.
func (t *trial) awaits(runner *harness.Runner) {
	runner.Timeout, runner.Grace = t.of.plan.Timeout, t.of.plan.Grace
	if several := t.of.group != nil && t.of.group.Kind != trials.Repeats; several && runner.Grace == 0 && runner.Timeout == 0 && t.scenario.Load.Planned() > 0 {
		runner.Grace = graceLeast
	}
	deadline, limited := t.of.session.deadline(t.of.plan)
	if !limited {
		return
	}
	wait := t.of.session.scrapeWait(t.of.plan)
	runner.Deadline = deadline.Add(-storing - wait)
	if t.of.group != nil && t.of.group.Kind == trials.Repeats {
		left := t.of.plan.loads() - len(t.of.group.Trials) - 1
		runner.Deadline = runner.Deadline.Add(-time.Duration(left) * (t.scenario.Load.Planned() + t.of.plan.grace() + between + 2*wait))
	}
}

// scrapeWait is how long the metrics of a new scrape may be awaited at each end of a load.
func (s *Session) scrapeWait(p Plan) time.Duration {
	if s.Place.Prometheus.URL == "" || s.Place.OnMock(p.Target, p.Virtual) {
		return 0
	}
	return new(sampler.PromQL).EndWithin()
}

// fitsDeadline refuses loads that would be killed in the middle: nothing would be
// stored, and no reader would learn why.
func (s *Session) fitsDeadline(p Plan, loads []time.Duration) error {
	deadline, limited := s.deadline(p)
	if !limited {
		return nil
	}
	left := time.Until(deadline)
	planned, what := -between, fmt.Sprintf("the load of %v", loads[0])
	for _, each := range loads {
		planned += each + between
	}
	if len(loads) > 1 {
		what = fmt.Sprintf("the %d loads of %v in all", len(loads), planned)
	}
	if wait := 2 * s.scrapeWait(p) * time.Duration(len(loads)); wait > 0 {
		planned, what = planned+wait, fmt.Sprintf("%s, up to %v of waiting for Prometheus to scrape the engines", what, wait)
	}
	if needed := planned + p.grace() + storing; needed > left {
		return fmt.Errorf("%s and its grace of %v do not fit into the %v that %s leaves%s", what, p.grace(), left.Round(time.Second), cmp.Or(s.Remedies.Deadline.Whose, "the deadline"),
			s.Remedies.Deadline.atLeast((planned + s.elapsed() + max(10*time.Minute, p.grace()+time.Minute)).Round(time.Minute)))
	}
	return nil
}

// cutByDeadline says what to do where answers were not awaited because the time was over.
func (t *trial) cutByDeadline(runner *harness.Runner) {
	if short := t.run.Shortfall; short != nil && short.Cause == harness.OutOfTime && !t.run.Stopped.Early() {
		t.run.Stopped = harness.Stop{Kind: harness.StopInterrupted, Detail: string(t.of.session.Remedies.Deadline.over())}
	}
	if runner.Deadline.IsZero() || t.run.Start.Add(t.run.Length).Before(runner.Deadline) { // what was awaited afterwards is no answer
		return
	}
	if !t.run.Stopped.Early() {
		limit := t.of.session.Remedies.Deadline
		says := fmt.Sprintf("%s's time was over before the last answers came%s", cmp.Or(limit.Whose, "the deadline"), clause(limit.Longer))
		t.run.Warnings = append(t.run.Warnings, harness.Oddities(says)...)
		t.of.session.warn(says)
	}
}

// interruptible is a context that ends when everything is interrupted, or the time is so far
// over that what there is can just be judged and stored.
func (s *Session) interruptible(ctx context.Context, p Plan) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit, limited := s.deadline(p)
	go func() {
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if by, interrupted := s.Interrupted(); interrupted {
					cancel(by)
				} else if limited && now.After(limit.Add(afterDeadline-storing)) {
					cancel(s.Remedies.Deadline.over())
				}
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// byButton ends a run from its page.
const byButton harness.Interruption = "the stop button of its page"
