package experiment

import (
	"context"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// repeat runs the load as often as the plan says.
func (e *Experiment) repeat(ctx context.Context) error {
	if err := e.begin(trials.Repeats, "", e.plan.times()); err != nil {
		return err
	}
	for i := range e.plan.times() {
		if goOn, err := e.again(ctx, e.one, i+1); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// again makes another run of the same load. A load that was stopped early once is not run
// again: the other runs would cost time and end alike.
func (e *Experiment) again(ctx context.Context, on *endpoint, number int) (goOn bool, err error) {
	t, err := e.try(ctx, attempt{load: e.scenario.Load, warmup: e.scenario.Warmup, alone: e.scenario.Objectives, on: on, number: number})
	if t.window != nil { // one that came to nothing counts too
		if on.second {
			e.group.others = append(e.group.others, t.window)
		} else {
			e.group.windows = append(e.group.windows, t.window)
		}
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", e.group.called(t.about), err)
	}
	if ctx.Err() != nil {
		return false, fmt.Errorf("%w: %d of %d repeats were begun", harness.InterruptedBy(ctx).Err(), number, e.group.Planned)
	}
	return !t.run.Stopped.Early(), nil
}
