package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// sides are the two servers of a scenario that compares them.
type sides struct {
	compares bool              // the scenario does
	first    *target           // what was said of the first one, where the second is a simulated one
	second   *target           // nil: the environment names it
	onSecond bool              // the run that is on
	labels   map[string]string // of the second
	pair     int               // of runs with the same seed, from 1
	windows  []*slo.Window     // of the second server
}

func (w *world) registerSides(sc sentences) {
	sc.Step(`^a second simulated server of "([^"]*)" on "([^"]*)"$`, w.secondServer)
	sc.Step(`^compared with the other server:$`, w.withOther)
}

// secondServer begins what is said of a second simulated server, with which the first
// one is compared: from here on, "it" is the second.
func (w *world) secondServer(model, gpu string) error {
	if err := w.onlySimulated(); err != nil {
		return err
	}
	if w.sides.first != nil {
		return errors.New("two servers are compared, not three")
	}
	first := w.target
	w.sides.first, w.target = &first, target{model: model, gpu: gpu, simulated: true}
	_, err := mockvllm.ProfileFor(model, gpu)
	return err
}

// withOther holds the figures against those of a second server, VLLM_URL_B or a second
// simulated one, that the same load is brought to with the same seeds: in turns, first
// to one, twice to the other, twice to the one, and so on, so that what drifts while
// they run drifts for both.
func (w *world) withOther(table *godog.Table) error {
	rows, err := w.compared(table)
	if err != nil {
		return err
	}
	var sides []slo.Compared
	for _, o := range rows {
		row := slo.Compared{Objective: o, Against: slo.OfOther, Paired: true, Beside: func(o harness.Objective) (other, now []float64) {
			other, _ = figures(w.sides.windows, o)
			now, _ = figures(w.windows(), o)
			return other, now
		}}
		if row.Now, err = figures(w.windows(), o); err == nil {
			row.Base, err = figures(w.sides.windows, o)
		}
		if err != nil {
			return err
		}
		sides = append(sides, row)
	}
	return w.answer(slo.Compare(sides), slices.Concat(w.windows(), w.sides.windows))
}

const withOtherSentence = "compared with the other server:"

// settleSides says which server is which, once everything about them was said.
func (w *world) settleSides() error {
	w.sides.compares = slices.ContainsFunc(w.pickle.Steps, func(step *godog.Step) bool { return step.Text == withOtherSentence })
	if w.sides.first != nil {
		second := w.target
		w.sides.second, w.target = &second, *w.sides.first
	}
	switch {
	case w.sides.compares && w.sides.second == nil && w.target.simulated:
		return fmt.Errorf(`there is no other server; add: And a second simulated server of "%s" on "one A100"`, w.target.model)
	case w.sides.compares && w.sides.second == nil && w.suite.env.Other == nil:
		return errors.New("there is no other server; set VLLM_URL_B to its base URL, and VLLM_URL to that of the one that is compared with it")
	case !w.sides.compares && w.sides.second != nil:
		return errors.New("there are two simulated servers, but they are not compared; add: And compared with the other server: | p50 TPOT | at most 5% worse |")
	}
	return nil
}

// loads is how often the load is brought to a server.
func (w *world) loads() int {
	if w.sides.compares {
		return 2 * max(1, w.repeats)
	}
	return max(1, w.repeats)
}

// takeTurns brings the load to both servers, as often as the scenario says, in the
// order ABBAABB…
func (w *world) takeTurns(ctx context.Context) error {
	first, labels := w.served, w.scenario.Labels
	w.scenario.Labels = w.labels(w.secondTarget())
	second, err := w.reachSecond(ctx)
	if err != nil {
		return fmt.Errorf("the other server: %w", err)
	}
	ofSecond := w.scenario.Labels
	w.sides.labels = ofSecond
	defer func() {
		w.sides.onSecond, w.served, w.scenario.Labels = false, first, labels
		second.leave()
	}()
	if err := w.begin(trials.Repeats, "", max(1, w.repeats)); err != nil {
		return err
	}
	w.whole.scenario.Labels = labels
	for i := range 2 * max(1, w.repeats) {
		w.sides.pair, w.sides.onSecond = i/2+1, i%4 == 1 || i%4 == 2
		w.served, w.scenario.Labels = first, labels
		if w.sides.onSecond {
			w.served, w.scenario.Labels = second, ofSecond
		}
		if goOn, err := w.again(ctx); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// reachSecond starts or finds the second server.
func (w *world) reachSecond(ctx context.Context) (served, error) {
	first := w.served
	w.sides.onSecond = true
	err := w.reach(ctx)
	second := w.served
	w.sides.onSecond, w.served = false, first
	if err != nil {
		second.leave()
	}
	return second, err
}

// secondTarget is the second server as far as the scenario tells.
func (w *world) secondTarget() target {
	if w.sides.second != nil {
		return *w.sides.second
	}
	return target{model: w.target.model}
}

// openSecond starts or finds it.
func (w *world) openSecond() (*server.Server, error) {
	if w.sides.second != nil {
		return w.simulate(*w.sides.second)
	}
	return server.At(w.suite.env.Other...)
}

// trialNumber is the number of the run that comes next among those of its server. Runs
// of one number have the same seed.
func (w *world) trialNumber() int {
	if w.sides.compares {
		return w.sides.pair
	}
	return len(w.whole.Trials) + 1
}

// trialKind is what a run is called.
func (w *world) trialKind() string {
	if w.sides.onSecond {
		return "other"
	}
	return w.whole.Kind.One()
}
