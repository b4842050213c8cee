package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// sweep runs the load at each setting.
func (e *Experiment) sweep(ctx context.Context, sweep Sweep) error {
	var all []attempt
	var planned []time.Duration
	for _, setting := range sweep.Settings {
		a, err := e.plan.attempt(sweep.Scale, sweep.Each, setting, 0)
		if err != nil {
			return err
		}
		a.alone = trials.At(e.scenario.Objectives, sweep.Scale.At(setting))
		for range max(1, sweep.Times) {
			all, planned = append(all, a), append(planned, a.load.Planned())
		}
	}
	if err := e.begin(trials.Sweep, sweep.Scale, len(all)); err != nil {
		return err
	}
	return e.onServer(ctx, planned, func(ctx context.Context) error {
		defer func() { e.group.DrawCurve(e.group.windows, e.scenario.Objectives, len(e.gpus)) }()
		for _, a := range all {
			t, err := e.runAt(ctx, a)
			if t.window != nil {
				e.group.windows = append(e.group.windows, t.window)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// runAt makes one run at a setting. One that was ended early at the stop limits is no
// error.
func (e *Experiment) runAt(ctx context.Context, a attempt) (*trial, error) {
	a.on, a.number = e.one, len(e.group.Trials)+1
	t, err := e.try(ctx, a)
	if t.window != nil && err != nil && t.run.Stopped.Kind == harness.StopAbandoned {
		err = nil
	}
	if err == nil && t.window != nil && t.run.Stopped.Kind == harness.StopInterrupted { // on its page, say
		err = t.run.Stopped.Err()
	}
	if err == nil && ctx.Err() != nil {
		err = harness.InterruptedBy(ctx).Err()
	}
	if err != nil {
		err = fmt.Errorf("at %s: %w", e.group.Scale.Quantity(a.setting), err)
	}
	return t, err
}
