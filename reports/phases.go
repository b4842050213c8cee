package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// A PhaseBar is where the time of an average request went.
type PhaseBar struct {
	Name, Total string
	Parts       []PhasePart
}

// A PhasePart is one phase of it; X and W are per cent of the whole.
type PhasePart struct {
	Name, Value, Share, Class string
	X, W                      float64
}

// Says is the bar in words.
func (b PhaseBar) Says() string {
	var parts []string
	for _, p := range b.Parts {
		parts = append(parts, p.Name+" "+p.Value)
	}
	return b.Name + ": " + strings.Join(parts, ", ")
}

// phasesOf are the phases in the order of a request's life, with names for people.
func phasesOf(p diagnose.Phases) []struct {
	name string
	s    float64
} {
	return []struct {
		name string
		s    float64
	}{{"client", p.Client}, {"network", p.Network}, {"front end", p.FrontEnd}, {"queue", p.Queue}, {"prefill", p.Prefill}, {"until the first token", p.Server}, {"decode", p.Decode}, {"stall", p.Stall}}
}

// phaseClasses are the colours of the phases, in their order; the script has them too.
func phaseClasses() []string {
	return []string{"series-7", "series-3", "series-6", "series-4", "series-2", "series-0", "series-5", "series-1"}
}

// phases are the bars of all requests and of the slowest, and the course of the
// phases over time.
func phases(t diagnose.Times, from time.Duration) (bars []PhaseBar, course []chart.Series) {
	if t.All.N == 0 {
		return nil, nil
	}
	all := fmt.Sprintf("All %s requests", grouped(t.All.N))
	slow := fmt.Sprintf("The slowest %s", grouped(t.Slowest.N))
	bars = []PhaseBar{phaseBar(all, t.All), phaseBar(slow, t.Slowest)}
	for i, phase := range phasesOf(t.All.Phases) {
		s := chart.NewSeries(phase.name)
		some := 0.0
		for k, moment := range t.Moments {
			at := (from + time.Duration(k)*time.Duration(t.EveryNS)).Seconds()
			v := phasesOf(moment.Phases)[i].s
			s.Add(at, v)
			some += v
		}
		if some > 0 {
			course = append(course, s)
		}
	}
	if len(t.Moments) < 2 {
		course = nil
	}
	return bars, course
}

func phaseBar(name string, m diagnose.PhaseMeans) PhaseBar {
	total := m.Total()
	b := PhaseBar{Name: name, Total: quantity.Format(total, quantity.Seconds) + " on average"}
	x := 0.0
	for i, phase := range phasesOf(m.Phases) {
		if phase.s <= 0 || total <= 0 {
			continue
		}
		share := phase.s / total
		b.Parts = append(b.Parts, PhasePart{Name: phase.name, Value: quantity.Format(phase.s, quantity.Seconds), Share: quantity.Format(share, quantity.Ratio),
			Class: phaseClasses()[i], X: x * 100, W: share * 100})
		x += share
	}
	return b
}

// An Agreement is one figure as client and server count it.
type Agreement struct {
	Name, Client, Server, Says, Cause string
	Outcome                           slo.Outcome
}

func agreement(m store.Manifest) (out []Agreement) {
	for _, a := range m.Agreement {
		number := func(v *float64) string {
			if v == nil {
				return "–"
			}
			return quantity.Format(*v, quantity.Unit(a.Unit))
		}
		says := map[slo.Outcome]string{slo.Met: "agree", slo.Missed: "differ"}[a.Outcome]
		if says == "" {
			says = "cannot be compared"
		}
		out = append(out, Agreement{a.Name, number(a.Client), number(a.Server), says, a.Cause, a.Outcome})
	}
	return out
}

func seriesClass(i int) string { return fmt.Sprintf("series-%d", i%8) }
