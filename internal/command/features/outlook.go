package features

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/suite"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// An outlook is what is known of a scenario before its load.
type outlook struct {
	of      suite.Planned
	runs    int           // of one load; 0: at several loads
	lasts   time.Duration // all loads; 0: not known
	lines   []string
	mistake error
}

// newOutlook says how long a scenario takes, and how many requests come.
func newOutlook(of suite.Planned) outlook {
	o := outlook{of: of}
	plan := of.Plan
	switch design := plan.Design.(type) {
	case experiment.Sweep:
		each := max(1, design.Times)
		o.lasts = time.Duration(len(design.Settings)*each) * design.Each.Length
		o.say(joined(fmt.Sprintf("a sweep of %s", quantity.Counted(len(design.Settings)*each, "run")), o.duration()))
	case experiment.Search:
		o.lasts = design.AtMost
		o.say(joined("a search, as many runs as it needs", o.duration()))
	case experiment.Repeats:
		o.runs = max(1, design.Times)
		o.single(o.runs * servers(plan))
	default:
		o.runs = 1
		o.single(servers(plan))
	}
	return o
}

// servers is how many servers a plan measures.
func servers(p experiment.Plan) int {
	if p.Other != nil {
		return 2
	}
	return 1
}

// single is the outlook of one load, which is brought so often.
func (o *outlook) single(times int) {
	s := o.of.Plan.Scenario
	o.lasts = time.Duration(times) * s.Load.Planned()
	requests := "as many requests as the users get through"
	if n := judged(s); n > 0 {
		requests = fmt.Sprintf("some %s are judged", quantity.Counted(int(math.Round(n)), "request"))
	}
	if times > 1 {
		o.say(joined(fmt.Sprintf("%d runs of one load", times), o.duration(), requests+" in each"))
		return
	}
	o.say(joined(o.duration(), requests))
}

// judged is how many requests will be judged, on average where their rate changes; 0 where the server decides.
func judged(s harness.Scenario) float64 {
	n := slo.ExpectedRequests(s)
	if open, ok := s.Load.(harness.Open); ok && n == 0 && open.Arrivals != nil {
		return open.Arrivals.Rate() * max(0, open.For-s.Warmup).Seconds()
	}
	return n
}

// duration is how long all of it takes.
func (o *outlook) duration() string {
	switch {
	case o.lasts <= 0:
		return "as long as the server needs"
	case o.of.Virtual:
		return quantity.Roughly(o.lasts.Seconds()) + " of load, simulated in seconds"
	}
	return quantity.Roughly(o.lasts.Seconds()) + " of load"
}

func (o *outlook) say(line string) { o.lines = append(o.lines, line) }

// fits holds the lengths of synthetic prompts and answers against a context; 0: it is not known.
func (o *outlook) fits(context int) {
	if context == 0 {
		return
	}
	all := lengths(o.of.Plan.Scenario.Dataset)
	for _, of := range all {
		mean, most := of.Prompt.Mean+of.Prefix+of.Answer.Mean, longest(of.Prompt)+of.Prefix+longest(of.Answer)
		what := fmt.Sprintf("prompts of %s tokens and answers of %s tokens", of.Prompt, of.Answer)
		switch {
		case mean > context && len(all) == 1: // of a mix the others are answered
			o.mistake = fmt.Errorf("%s do not fit into the model's context of %s tokens; ask for shorter ones", what, quantity.Grouped(context))
		case most > context:
			o.say(fmt.Sprintf("warning: some %s do not fit into the model's context of %s tokens", what, quantity.Grouped(context)))
		default:
			o.say(fmt.Sprintf("%s fit into %s", what, quantity.Grouped(context)))
		}
	}
}

// lengths are the workloads of a dataset that have lengths: its own, or those of its classes.
func lengths(d harness.Dataset) (all []dataset.Synthetic) {
	switch d := d.(type) {
	case dataset.Synthetic:
		return []dataset.Synthetic{d}
	case dataset.Adapters:
		return lengths(d.Dataset)
	case dataset.Mix:
		for _, class := range d {
			all = append(all, lengths(class.Dataset)...)
		}
	}
	return all
}

// longest is a length that few are beyond.
func longest(l dataset.Length) int {
	if l.From > 0 {
		return l.To
	}
	return l.Mean + 3*l.Deviation
}

// contextOfMock is the context of the mock that stands for a target; 0 where there is none.
func contextOfMock(t experiment.Target) int {
	profile, err := mockvllm.ProfileFor(t.Model, t.GPU)
	if err != nil {
		return 0
	}
	return profile.MaxModelLen
}
