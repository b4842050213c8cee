package reports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// An Entry is one run in the list of runs.
type Entry struct {
	Scenario, Where, When, Link string
	Target                      Target
	Outcome                     slo.Outcome
	Passed, LetPass             bool
	Says                        string // met, or what was not
	Part                        string // of several: "repeat 2 of 6"

	objective harness.Objective // its first one
	figure    string            // of it, in words
	value     float64           // NaN where there is none
}

// NewEntry is the line of a run that is stored.
func NewEntry(m store.Manifest, verdicts []slo.Verdict) Entry {
	outcome, says := headline(verdicts, m)
	e := Entry{
		Scenario: m.Scenario.Name, Where: m.Scenario.Where, When: m.Start.UTC().Format("2006-01-02 15:04:05"),
		Target: NewTarget(m), Link: path.Join(m.Run, "report.html"), Outcome: outcome, Passed: passed(verdicts, m), LetPass: LetPass(m.Warnings), Says: says, value: math.NaN(),
	}
	if len(verdicts) > 0 {
		e.objective, e.figure, e.value = verdicts[0].Objective, verdicts[0].Name(), verdicts[0].Value
		if finite(e.value) {
			e.figure += " " + quantity.Format(e.value, verdicts[0].Unit)
		}
	}
	if m.Trial != nil {
		e.Part = fmt.Sprintf("%s %d", m.Trial.Kind, m.Trial.Number)
	}
	return e
}

// expected reports whether a run passed that did not meet its objectives.
func (e Entry) expected() bool { return e.Passed && e.Outcome != slo.Met }

// passedOf says how many scenarios passed, by their latest runs.
func passedOf(scenarios []Trend) string {
	passed, expected := 0, 0
	for _, t := range scenarios {
		if t.Latest.Passed {
			passed++
		}
		if t.Latest.expected() && !t.Latest.LetPass {
			expected++
		}
	}
	all := grouped(len(scenarios)) + " scenarios"
	if len(scenarios) == 1 {
		all = "1 scenario"
	}
	says := fmt.Sprintf("%s of %s passed in the latest run", grouped(passed), all)
	if expected > 0 {
		says += fmt.Sprintf(", %s of them missed or unknown, as expected", grouped(expected))
	}
	return says + "."
}

// A Trend is what became of a scenario from run to run.
type Trend struct {
	Latest Entry  `json:"-"`
	Runs   int    `json:"-"`
	Figure string // of its first objective, latest
	Since  string // when that changed last, as far as its history tells
	Spark  Spark
}

// A Spark is a line so small that it stands in a row: the first objective of the last
// runs, oldest first, in a box of 120 by 28.
type Spark struct {
	Path string
	Dots []chart.PlotDot
}

const sparked = 30 // runs at most

// trendsOf are those of all scenarios, the one that ran last first. Of a scenario whose plan was changed it is that of
// the newest plan.
func trendsOf(ctx context.Context, h history.History, series []history.Series) (out []Trend, err error) {
	listed := map[history.Identity]bool{}
	for _, of := range series {
		latest, known := entryOf(of.Latest)
		scenario := of.Latest.Identity
		if scenario.Plan = ""; scenario.Tag != "" {
			scenario.Feature, scenario.Scenario = "", ""
		}
		if !known || listed[scenario] {
			continue
		}
		listed[scenario] = true
		var t Trend
		if of.Trend == nil || json.Unmarshal(of.Trend, &t) != nil {
			if t, err = drawTrend(ctx, h, of.Key); err != nil {
				return nil, err
			}
		}
		t.Latest, t.Runs = latest, of.Runs
		out = append(out, t)
	}
	return out, nil
}

// drawTrend draws the trend of a series, and keeps it.
func drawTrend(ctx context.Context, h history.History, series string) (t Trend, err error) {
	runs, err := h.Runs(ctx, history.Query{Series: series, Whole: true, Last: lookedBack})
	if err != nil {
		return t, err
	}
	var entries []Entry
	for _, run := range runs {
		if e, known := entryOf(run); known {
			entries = append(entries, e)
		}
	}
	t = trendOf(entries)
	raw, err := json.Marshal(t)
	if err == nil {
		_ = h.KeepTrend(ctx, series, raw) // else it is drawn again the next time
	}
	return t, err
}

// trendOf draws a trend; entries come newest first.
func trendOf(entries []Entry) Trend {
	last := slices.Clone(entries[:min(len(entries), sparked)])
	slices.Reverse(last)
	return Trend{Latest: entries[0], Runs: len(entries), Figure: entries[0].figure, Spark: spark(last), Since: since(entries)}
}

// lookedBack is how many runs of a scenario the list looks for a change in.
const lookedBack = 200

// since says when the first objective of a scenario changed last; "" where chance alone
// explains all its changes.
func since(newestFirst []Entry) string {
	var values []float64
	var known []Entry
	for _, e := range slices.Backward(newestFirst[:min(lookedBack, len(newestFirst))]) {
		if finite(e.value) && e.value > 0 && e.objective.Text == newestFirst[0].objective.Text {
			values, known = append(values, e.value), append(known, e)
		}
	}
	drifts := compare.Drifts(newestFirst[0].objective, values)
	if len(drifts) == 0 {
		return ""
	}
	d := drifts[len(drifts)-1]
	what := "changed"
	if d.Worse {
		what = "worse"
	}
	return fmt.Sprintf("%s since %s: %s, before %s", what, known[d.At].When, quantity.Format(d.After, d.Unit), quantity.Format(d.Before, d.Unit))
}

func spark(runs []Entry) (s Spark) {
	most := 0.0
	for _, r := range runs {
		if finite(r.value) {
			most = math.Max(most, r.value)
		}
	}
	var path strings.Builder
	command := "M"
	for i, r := range runs {
		if !finite(r.value) {
			command = "M"
			continue
		}
		x := 4 + 112*float64(i)/math.Max(1, float64(len(runs)-1))
		y := 24 - 20*r.value/math.Max(most, 1e-12)
		fmt.Fprintf(&path, "%s%.4g %.4g", command, x, y)
		command = "L"
		s.Dots = append(s.Dots, chart.PlotDot{X: x, Y: y, Class: string(r.Outcome), Says: r.When + ": " + r.figure})
	}
	s.Path = path.String()
	return s
}

// A runList is what the list of runs shows.
type runList struct {
	Runs      []Entry // newest first
	Stored    int     // how many there are
	Scenarios []Trend
}

// Index writes the page that lists runs, which come newest first.
func Index(w io.Writer, runs []Entry) error {
	list := runList{Runs: runs, Stored: len(runs)}
	of := map[string][]Entry{}
	var order []string
	for _, e := range runs {
		if e.Part != "" {
			continue // the run group stands for it
		}
		key := fmt.Sprint(e.Scenario, e.Target.AnySimulated()) // the mock tells nothing of how a real server changes
		if of[key] == nil {
			order = append(order, key)
		}
		of[key] = append(of[key], e)
	}
	for _, key := range order {
		list.Scenarios = append(list.Scenarios, trendOf(of[key]))
	}
	return write(w, index(list))
}
