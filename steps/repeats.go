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
	load := w.scenario.Load
	for i := range w.repeats {
		window, err := w.try(ctx, load, 0, w.scenario.Objectives)
		if err != nil {
			return fmt.Errorf("repeat %d of %d: %w", i+1, w.repeats, err)
		}
		w.whole.windows = append(w.whole.windows, window)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("the run was interrupted: %d of %d repeats were begun", i+1, w.repeats)
		case w.run.Stopped != "":
			return nil // what was abandoned once is not worth the time of others
		}
	}
	return nil
}
