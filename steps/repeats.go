package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness/trials"
)

func (w *world) registerRepeats(sc sentences) {
	sc.Step(`^everything is repeated (\S+) times$`, w.isRepeated)
}

// isRepeated runs the load so often, each time with another seed and on a server
// that has come to rest, and judges the objectives by all the runs together: how
// much they differ from each other is in the intervals.
func (w *world) isRepeated(times string) (err error) {
	if w.repeats > 0 {
		return errors.New("how often everything is repeated is said twice; keep one")
	}
	w.repeats, err = count(times, "repeats", 2)
	return err
}

// repeat runs the load as often as the scenario says.
func (w *world) repeat(ctx context.Context) error {
	if err := w.begin(trials.Repeats, "", w.repeats); err != nil {
		return err
	}
	for range w.repeats {
		if goOn, err := w.again(ctx); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// again makes one run more of the same load. What was abandoned once is not worth the
// time of others.
func (w *world) again(ctx context.Context) (goOn bool, err error) {
	window, err := w.try(ctx, attempt{load: w.whole.scenario.Load, warmup: w.whole.scenario.Warmup, alone: w.whole.scenario.Objectives})
	if err != nil {
		return false, fmt.Errorf("%s: %w", w.called(), err)
	}
	if w.sides.onSecond {
		w.sides.windows = append(w.sides.windows, window)
	} else {
		w.whole.windows = append(w.whole.windows, window)
	}
	if ctx.Err() != nil {
		return false, fmt.Errorf("the run was interrupted: %d of %d repeats were begun", w.about.Number, w.about.Planned)
	}
	return w.run.Stopped == "", nil
}
