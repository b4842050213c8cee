package steps

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness/slo"
)

func (w *world) registerMeasurement(sc sentences) {
	sc.Step(`^the first (.+) (?:is|are) warm-up$`, w.warmUp)
	sc.Step(`^a request is good when:$`, w.goodWhen)
	sc.Step(`^the run is abandoned unless:$`, w.abandonedUnless)
	sc.Step(`^the seed is (\S+)$`, w.seedIs)
}

// warmUp keeps what was due in the beginning out of the judgement.
func (w *world) warmUp(length string) (err error) {
	w.scenario.Warmup, err = duration(length)
	w.warmUpSaid = true
	return err
}

// goodWhen says what makes one request good, for goodput and attainment; a row that
// begins with the name of a class is about that class.
func (w *world) goodWhen(table *godog.Table) error {
	rows, err := w.objectives(table, slo.ParseGood)
	w.scenario.Good = append(w.scenario.Good, rows...)
	return err
}

// abandonedUnless stops the run as soon as one of these is missed, and fails it: a
// server that answers nothing need not be asked for an hour.
func (w *world) abandonedUnless(table *godog.Table) error {
	rows, err := w.objectives(table, slo.Parse)
	for _, o := range rows {
		if err := slo.CanBeLost(o); err != nil {
			return fmt.Errorf("%s: %w", o.Where, err)
		}
	}
	w.abandon = append(w.abandon, rows...)
	return err
}

// seedIs fixes the seed of arrivals, prompts and think times.
func (w *world) seedIs(seed string) (err error) {
	if w.seeded {
		return errors.New("the seed is said twice; keep one")
	}
	w.seeded = true
	w.scenario.Seed, err = strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no seed; write a whole number from 0", seed)
	}
	return nil
}
