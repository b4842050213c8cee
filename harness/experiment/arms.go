package experiment

import (
	"context"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// takeTurns brings the load to both servers, as often as the plan says, in the order ABBAABB…, so
// that what drifts while they run drifts for both. Runs of a pair have the same seed.
func (e *Experiment) takeTurns(ctx context.Context) (err error) {
	other, err := e.reach(ctx, *e.plan.Other, true, e.labels(*e.plan.Other))
	if err != nil {
		other.leave()
		return fmt.Errorf("the other server: %w", err)
	}
	defer other.leave()
	e.other = other
	sameSalting(e.one, other)
	if err := e.begin(trials.Repeats, "", e.plan.times()); err != nil {
		return err
	}
	for i := range 2 * e.plan.times() {
		on, pair := e.one, i/2+1
		if i%4 == 1 || i%4 == 2 {
			on = other
		}
		if goOn, err := e.again(ctx, on, pair); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// sameSalting makes both servers of a comparison be asked in the same way.
func sameSalting(first, second *endpoint) {
	if first.salting == harness.SaltsTaken && second.salting == harness.SaltsTaken {
		return
	}
	for _, of := range []*endpoint{first, second} {
		if of.salting == harness.SaltsTaken {
			of.salting = harness.SaltsUnused
			of.client.Unsalted()
		}
	}
}
