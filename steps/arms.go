package steps

import (
	"errors"
	"fmt"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/steps/internal/target"
)

// armsSentences hold one server against another.
func armsSentences(rows grammar) []entry {
	return []entry{
		{Pattern: `^a second simulated server of "([^"]*)" on "([^"]*)"$`, Do: (*arms).secondServer, Check: target.IsSimulated, Simulates: true,
			Doc: `Begins what is said of a second simulated server, with which the first one is compared: from here on, "it" is
				the second.`},
		{Pattern: `^compared with the other server:$`, Do: (*judgement).withOther, Rows: rows.compare, Judges: experiment.Other, Ahead: comparisonAhead,
			Doc: `Holds the figures against those of a second server, VLLM_URL_B or a second simulated one, that the same load is
				brought to with the same seeds: in turns, first to one, twice to the other, twice to the one, and so on, so that
				what drifts while they run drifts for both.`},
	}
}

// arms are the two servers that a scenario compares, as it says them.
type arms struct {
	compares bool               // two servers are compared
	first    *experiment.Target // what was said of the first one, where the second is a simulated one
	second   *experiment.Target // nil: the environment names it
}

func (two *arms) secondServer(it *experiment.Target, model, gpu string) error {
	if err := target.OnlySimulated(it); err != nil {
		return err
	}
	if two.first != nil {
		return errors.New("two servers are compared, not three")
	}
	first := *it
	two.first, *it = &first, experiment.Target{Model: model, GPU: gpu, Simulated: true}
	return nil
}

func (j *judgement) withOther(d *design, rows []harness.Objective) error {
	if err := j.comparable(d); err != nil {
		return err
	}
	verdicts, err := j.experiment.Judge(experiment.Question{Kind: experiment.Other, Rows: rows})
	if err != nil {
		return err
	}
	return j.failing(verdicts)
}

// settleArms says which server is which, once everything about them was said.
func (w *world) settleArms() error {
	w.arms.compares = w.judges(experiment.Other)
	if w.arms.first != nil {
		second := w.target
		w.arms.second, w.target = &second, *w.arms.first
	}
	switch {
	case w.arms.compares && w.arms.second == nil && (w.target.Simulated || w.Virtual && w.Live):
		return fmt.Errorf(`there is no other server; add: And a second simulated server of "%s" on "one A100"`, w.target.Model)
	case w.arms.compares && w.arms.second == nil && w.Session.Place.Other == nil:
		return errors.New("there is no other server; set VLLM_URL_B to its base URL, and VLLM_URL to that of the one that is compared with it")
	case !w.arms.compares && w.arms.second != nil:
		return errors.New("there are two simulated servers, but they are not compared; add: And compared with the other server: | p50 TPOT | at most 5% worse |")
	}
	return nil
}
