// Package trials is what several runs of one scenario have in common: its repeats,
// the points of a sweep, the probes of a search for capacity. It needs no server and no
// clock: measured runs go in, and plain data come out, which trials.json holds.
package trials

import (
	"math"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Kind says why a scenario has several runs.
type Kind string

// The kinds.
const (
	Repeats Kind = "repeats" // of one load, with other seeds
	Sweep   Kind = "sweep"   // over rates, or numbers of users
	Search  Kind = "search"  // for the highest rate, or number of users, that meets objectives
)

// One is what a single run of a kind is called: "repeat", "point", "probe".
func (k Kind) One() string {
	return map[Kind]string{Repeats: "repeat", Sweep: "point", Search: "probe"}[k]
}

// A Scale is what a sweep or a search varies.
type Scale string

// The scales.
const (
	Rate  Scale = "requests per second"
	Users Scale = "users"
)

// Quantity is a setting in words: "12.7 per second", "64 users".
func (s Scale) Quantity(setting float64) string {
	if s == Users && setting == 1 {
		return "1 user"
	}
	if s == Users {
		return quantity.Format(setting, quantity.Count) + " users"
	}
	return quantity.Format(setting, quantity.PerSecond)
}

// At is where a figure was measured: "at 12.7 per second", "with 64 users".
func (s Scale) At(setting float64) string {
	if s == Users {
		return "with " + s.Quantity(setting)
	}
	return "at " + s.Quantity(setting)
}

// A Group is trials.json: the runs of a scenario in the order in which they were
// made, and what they show together.
type Group struct {
	Kind  Kind  `json:"kind"`
	Scale Scale `json:"scale,omitempty"` // of Trial.Setting; none for repeats
	// Planned is how many runs there should be, of repeats on each server; 0: that is not known beforehand.
	Planned int      `json:"planned,omitempty"`
	Trials  []Trial  `json:"trials"`
	Curve   *Curve   `json:"curve,omitempty"`  // of a sweep
	Search  *Finding `json:"search,omitempty"` // of a search
}

// A Trial is one run of several.
type Trial struct {
	Run      string       `json:"run"`    // name of its folder, which lies beside that of the group
	Number   int          `json:"number"` // from 1
	Setting  float64      `json:"setting,omitempty"`
	Other    bool         `json:"other,omitempty"` // of the server that this one is compared with
	Seed     uint64       `json:"seed"`
	LengthNS int64        `json:"length_ns"`
	Requests int          `json:"requests"`         // in all, warm-up included
	Stopped  harness.Stop `json:"stopped,omitzero"` // why its load ended early
	Outcome  slo.Outcome  `json:"outcome"`          // of all objectives, by this run alone
	Figures  []Figure     `json:"figures"`
}

// A Figure is a figure of one or several runs with its 95 % interval.
type Figure struct {
	Name  string        `json:"name"` // "p99 TTFT"
	Unit  quantity.Unit `json:"unit"`
	Value *float64      `json:"value"` // null: infinite, too many requests had no answer
	Lo    *float64      `json:"lo"`    // null: no lower bound
	Hi    *float64      `json:"hi"`    // null: no upper bound
	N     int           `json:"n"`     // requests, or readings, that it rests on
}

// NewTrial is what trials.json says of a run. Its seed is the scenario's.
func NewTrial(name string, number int, run *harness.Run, measured *measure.Window, outcome slo.Outcome) Trial {
	return Trial{Run: name, Number: number, Seed: run.Scenario.Seed, LengthNS: int64(run.Length), Requests: run.Requests,
		Stopped: run.Stopped, Outcome: outcome, Figures: Figures(slo.Together([]*measure.Window{measured}))}
}

// Figures are those that a curve is drawn of, where they exist.
func Figures(of *slo.Repeats) (out []Figure) {
	for _, v := range of.Judge(drawn()) {
		if v.N == 0 || math.IsNaN(v.Value) {
			continue
		}
		out = append(out, Figure{Name: v.Name(), Unit: v.Unit, Value: finite(v.Value), Lo: finite(v.Lo), Hi: finite(v.Hi), N: v.N})
	}
	return out
}

// drawn are the figures as objectives that nothing can miss.
func drawn() []harness.Objective {
	out := metric.Curve()
	for i := range out {
		out[i].Relation, out[i].Limit = harness.AtMost, math.Inf(1)
	}
	return out
}

func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// Named is the figure of a name.
func Named(figures []Figure, name string) (Figure, bool) {
	for _, f := range figures {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}
