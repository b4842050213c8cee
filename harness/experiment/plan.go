package experiment

import (
	"errors"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A Plan is one experiment. It is plain data.
type Plan struct {
	// Scenario is what is run. Its dataset has no salts: each run adds its own. The session
	// makes its labels. Where the design is a sweep or a search, its load says all but the
	// setting and how long it lasts.
	Scenario harness.Scenario
	Feature  *Feature // that the scenario stands in; nil: none
	Target   Target
	Other    *Target // the server that Target is compared with, in turns; nil: none
	Design   Design  // nil: one run
	Virtual  bool    // it is run on the mock, in a bubble of testing/synctest

	Questions   []Question          // what will be judged, as far as it is known before the load
	Comparisons []harness.Objective // rows that other runs are held against
	EarlyStop   []harness.Objective // the load ends as soon as one of these is missed, which is an error
	FixedWarmup bool                // the scenario says its warm-up; else it is found in the run

	Timeout time.Duration // of one answer; 0: the runner's
	Grace   time.Duration // how long after the load answers are awaited; 0: the runner's

	Chats          bool           // completions are asked as chats
	LaterTurns     bool           // conversations have several turns, which find their own history in the prefix cache
	Prompt, Answer dataset.Length // of synthetic prompts; Mean is 0 where the workload has none
	Adapters       []string       // models that are asked beside the server's own
	Files          string         // the files that the workload is drawn from, with their digests; a label
	Remarks        []string       // on those files, for the reader
	Warnings       []string       // likewise, which belong to each run
}

// Check refuses a plan that cannot be carried out.
func (p Plan) Check() error {
	sweep, sweeps := p.Design.(Sweep)
	_, searches := p.Design.(Search)
	switch {
	case p.Scenario.Dataset == nil:
		return errors.New("the plan has no dataset: nothing is asked")
	case p.Scenario.Load == nil && !sweeps && !searches:
		return errors.New("the plan has no load: nothing is due")
	case sweeps && len(sweep.Settings) == 0:
		return errors.New("the sweep has no settings")
	}
	return nil
}

// A Question is rows that are judged together, and what they are held against.
type Question = store.Asked

// A Feature is what of a feature file says which runs are of one scenario.
type Feature = store.Feature

// A QuestionKind says what rows are held against.
type QuestionKind = store.AskedKind

// What rows are held against.
const (
	Objectives = store.AskedObjectives
	Agreement  = store.AskedAgreement
	Baseline   = store.AskedBaseline
	Other      = store.AskedOther
	Capacity   = store.AskedCapacity
)

// A Design says how often a scenario is run, and at which loads: [Repeats], [Sweep] or [Search].
type Design interface{ kind() trials.Kind }

// Repeats runs one load several times, each time with another seed. Of a comparison of two
// servers it is how often each of them is measured.
type Repeats struct{ Times int }

// A Sweep runs the scenario at each setting.
type Sweep struct {
	Scale    trials.Scale
	Settings []float64 // ascending
	Times    int       // runs at each; 0: one
	Each     Extent    // of each run
}

// A Search looks for the highest setting that meets the scenario's objectives.
type Search struct {
	Scale    trials.Scale
	From, To float64
	Each     Extent        // of the first run of a setting
	AtMost   time.Duration // all loads together; 0: no limit
}

func (Repeats) kind() trials.Kind { return trials.Repeats }
func (Sweep) kind() trials.Kind   { return trials.Sweep }
func (Search) kind() trials.Kind  { return trials.Search }

// An Extent is how long a run lasts: a time, or a number of requests; neither is as long as
// the objectives need.
type Extent struct {
	Length   time.Duration
	Requests int
}

// A Target is a server under test as a plan names it.
type Target struct {
	Model, GPU       string
	Simulated        bool // the mock, whatever the session measures
	Sequences, Cache int  // bounds of the mock: of its batch, and of its KV cache in blocks; 0: the profile's
	Faults           []mockvllm.Fault
	Adapters         []mockvllm.Adapter
	Distance         time.Duration // between the mock and us, one way
	NoPrefixCache    bool
	Timings          bool // answers report how long their phases took
}

// times is how often the load is brought to each server.
func (p Plan) times() int {
	repeats, _ := p.Design.(Repeats)
	return max(1, repeats.Times)
}

// loads is how often the load is brought to a server.
func (p Plan) loads() int {
	if p.Other != nil {
		return 2 * p.times()
	}
	return p.times()
}

// several reports whether the plan is more than one run.
func (p Plan) several() bool {
	if _, repeats := p.Design.(Repeats); repeats || p.Design == nil {
		return p.loads() > 1
	}
	return true
}
