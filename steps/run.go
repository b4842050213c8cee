package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness/experiment"
)

// runSentences run the load.
func runSentences() []entry {
	return []entry{
		{Pattern: `^the load runs for (.+)$`, Do: (*world).loadRuns, Runs: true,
			Doc: `Brings the load to the server: for a time, or for a number of requests.`},
	}
}

func (w *world) loadRuns(ctx context.Context, extent string) error {
	if err := w.notYet(); err != nil {
		return err
	}
	if err := w.settleArms(); err != nil {
		return err
	}
	lasts, err := extentOf(extent)
	if err != nil {
		return err
	}
	if w.scenario.Load, err = w.load.build(lasts.Length, lasts.Requests); err != nil {
		return err
	}
	if err := w.complete(); err != nil {
		return err
	}
	return w.run(ctx, experiment.Repeats{Times: w.design.repeats})
}

var errRanAlready = errors.New("the load has run already; one scenario is one run, one sweep or one search")

// notYet refuses a second When, and one that comes after Ctrl-C.
func (w *world) notYet() error {
	if w.experiment != nil {
		return errRanAlready
	}
	if by, interrupted := w.Session.Interrupted(); interrupted {
		return fmt.Errorf("not run: the tests were %w", by)
	}
	return nil
}

// run carries out what the sentences said.
func (w *world) run(ctx context.Context, design experiment.Design) error {
	if w.target.Model == "" {
		return errors.New(`no server is named: begin with: Given the model "llama-3.1-8b" is being served`)
	}
	if w.rehearsal != nil {
		return w.rehearsal.take(w.plan(design))
	}
	w.experiment = w.Session.New(w.plan(design)) // known before its load: a panic in that leaves it to be finished
	return w.experiment.Run(ctx)
}
