package trials

import (
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Finding is what a search found: an interval, and how it came to it.
type Finding struct {
	Low        float64             `json:"low"` // the range that was searched
	High       float64             `json:"high"`
	Objectives []harness.Objective `json:"objectives"`
	// Lo is the highest setting that was seen to meet the objectives, Hi the lowest
	// that was seen to miss one; the capacity lies between them. Lo is 0 where
	// nothing in the range was seen to meet them, Hi is 0 where nothing was seen to
	// miss one.
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Says   string  `json:"says"` // the answer in one sentence
	Ended  string  `json:"ended"`
	Probes []Probe `json:"probes"` // in the order in which they were decided
}

// A Probe is one setting that was tried, however many runs that took.
type Probe struct {
	Setting  float64       `json:"setting"`
	Runs     []string      `json:"runs"`
	LengthNS int64         `json:"length_ns"` // of its runs
	Requests int           `json:"requests"`  // in their measured windows
	Outcome  slo.Outcome   `json:"outcome"`
	Verdicts []slo.Verdict `json:"verdicts"`        // of its runs together
	Decides  string        `json:"decides"`         // the objective that decides, with its figure and interval
	Why      string        `json:"why,omitempty"`   // it is unknown, or was given up early
	Proof    bool          `json:"proof,omitempty"` // its last run was made to confirm the answer
	Ended    bool          `json:"ended,omitempty"` // its load was ended early, at the stop limits
	Tries    int           `json:"tries"`           // each doubles the number of its runs
	Futile   bool          `json:"-"`               // unknown for a reason that more runs would not change
}
