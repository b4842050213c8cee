package reports

import (
	"fmt"
	"io"
	"math"
	"path"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/trials"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// A Group is all that the page of several runs shows, in the words and with the
// digits it shows it.
type Group struct {
	Title      string
	Target     Target // the server that was measured, or the two
	Outcome    slo.Outcome
	Headline   string
	Facts      []Fact
	Sentences  []string // of the scenario
	Objectives []Objective
	Runs       []Row
	Columns    []string // of the figures of Runs
	Warnings   []string
	Curves     []chart.Plot // of a sweep
	Knee       string       // why none is drawn; "" where one is
	Repeated   []chart.Plot // of repeats, and of both servers where two are compared
	Found      string       // by a search
	Probes     []Probe
	Trail      []chart.Plot
	Data       trials.Group
}

// A Row is one run of several.
type Row struct {
	Name, Link, Length, Requests string
	Outcome                      slo.Outcome
	Figures                      []string
}

// RenderGroup writes the page of several runs: one file that needs nothing else.
func RenderGroup(w io.Writer, v Group) error { return write(w, groupPage(v)) }

// NewGroup is the page of several runs of one scenario.
func NewGroup(of trials.Group, verdicts []slo.Verdict, m store.Manifest) Group {
	v := Group{Title: m.Scenario.Name, Sentences: m.Scenario.Sentences, Target: NewTarget(m), Warnings: harness.WarningTexts(m.Warnings), Data: of, Columns: of.Columns()}
	v.Outcome, v.Headline = headline(verdicts, m)
	if answer := answered(of, verdicts); answer != "" {
		v.Headline = Simulated(upper(string(v.Outcome)), m.Simulated()) + ": " + answer
	}
	for _, verdict := range verdicts {
		o := objective(verdict, &harness.Run{})
		o.SQL = "" // there is no one file to ask
		v.Objectives = append(v.Objectives, o)
	}
	for _, t := range of.Trials {
		kind := of.Kind.One()
		if t.Other {
			kind = "other server, " + kind
		}
		row := Row{Name: fmt.Sprintf("%s %d", kind, t.Number), Link: path.Join("..", t.Run, "report.html"), Outcome: aloneOutcome(t, m),
			Length: span(time.Duration(t.LengthNS)), Requests: quantity.Format(float64(t.Requests), quantity.Count)}
		if t.Setting > 0 {
			row.Name += ", " + of.Scale.Quantity(t.Setting)
		}
		for _, name := range v.Columns {
			row.Figures = append(row.Figures, written(t.Figures, name))
		}
		v.Runs = append(v.Runs, row)
	}
	v.Curves, v.Knee, v.Repeated = curves(of), kneeSays(of), repeated(of, v.Columns)
	v.Found, v.Probes, v.Trail = trail(of)
	when := m.Start.UTC().Format("2 January 2006, 15:04 UTC")
	if m.Virtual {
		when += ", in virtual time"
	}
	v.Facts = told([]Fact{{"Model", m.Server.Model}, {"Server", m.Server.Kind}, {"When", when}, {"Runs", fmt.Sprintf("%d (%s)", len(of.Trials), of.Kind)},
		{"Asked", askedOf(m)}, {"Seed", fmt.Sprint(m.Scenario.Seed)}, {"Scenario", m.Scenario.Where}, {"Commit", shortCommit(m.Tool.Commit)}})
	return v
}

// written is a figure with its interval: "31 ms [29, 34]".
func written(figures []trials.Figure, name string) string {
	f, ok := trials.Named(figures, name)
	if !ok {
		return "–"
	}
	number := func(v *float64, missing float64) float64 {
		if v == nil {
			return missing
		}
		return *v
	}
	v := slo.Verdict{Unit: f.Unit, Value: number(f.Value, math.Inf(1)), Lo: number(f.Lo, math.Inf(-1)), Hi: number(f.Hi, math.Inf(1)), N: f.N}
	return strings.TrimSpace(quantity.Format(v.Value, v.Unit) + v.Interval())
}
