package reports

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports/chart"
)

// A Comparison is all that the page of several runs beside each other shows.
type Comparison struct {
	Title    string
	Says     string
	Runs     []Compared
	Figures  []Difference
	Plots    []chart.Plot
	Manifest []Differing // what is not the same in their manifests
}

// A Compared is one of the runs.
type Compared struct {
	Letter, Name, Scenario, When, Link, Headline string
	Target                                       Target
	Outcome                                      slo.Outcome
}

// A Difference is one figure of every run, and by how much each differs from the first.
type Difference struct {
	Name   string
	Values []string
	Change []string // from the first run: "+3.1 % [−0.4, +7.2]"
	Better []string // better, worse, or "" where the interval holds no change
}

// A Differing is one entry of run.json that is not the same in all of them.
type Differing struct {
	Name   string
	Values []string
}

// A Measured is a stored run as it was measured.
type Measured struct {
	Manifest store.Manifest
	Verdicts []slo.Verdict
	Window   *measure.Window
}

// RenderComparison writes the page of several runs beside each other.
func RenderComparison(w io.Writer, c Comparison) error { return write(w, comparison(c)) }

// NewComparison holds runs against the first of them.
func NewComparison(runs []Measured) Comparison {
	c := Comparison{Title: runs[0].Manifest.Scenario.Name}
	for i, r := range runs {
		outcome, says := headline(r.Verdicts, r.Manifest)
		c.Runs = append(c.Runs, Compared{Letter: string(rune('A' + i)), Name: r.Manifest.Run, Scenario: r.Manifest.Scenario.Name,
			When: r.Manifest.Start.UTC().Format("2 January 2006, 15:04:05 UTC"), Link: path.Join(r.Manifest.Run, "report.html"), Headline: says, Outcome: outcome, Target: NewTarget(r.Manifest)})
	}
	for _, f := range compared() {
		if d, ok := difference(runs, f); ok {
			c.Figures = append(c.Figures, d)
		}
	}
	for _, name := range latencies() {
		if p, ok := overlay(runs, name); ok {
			c.Plots = append(c.Plots, p)
		}
	}
	c.Manifest = differing(runs)
	if c.Says = unlike(runs); c.Says == "" {
		c.Says = c.says()
		return c
	}
	for _, d := range c.Figures {
		clear(d.Better)
	}
	return c
}

// says counts what differs for sure.
func (c Comparison) says() string {
	worse, better := 0, 0
	for _, d := range c.Figures {
		worse += len(slices.DeleteFunc(slices.Clone(d.Better), func(s string) bool { return s != "worse" }))
		better += len(slices.DeleteFunc(slices.Clone(d.Better), func(s string) bool { return s != "better" }))
	}
	if worse+better == 0 {
		return "No figure differs from the first run by more than its interval allows for."
	}
	return fmt.Sprintf("Beside the first run %s better and %s worse, by more than the intervals within each run allow for.", count(better, "figure is", "figures are"), count(worse, "is", "are"))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", grouped(n), many)
}

// latencies are those that every run is compared by.
func latencies() []string {
	return []string{metric.NameTTFT, metric.NameITL, metric.NameTPOT, metric.NameE2E}
}

// compared are the figures that runs are compared by.
func compared() []harness.Objective {
	var out []harness.Objective
	for _, name := range latencies() {
		for _, statistic := range []string{"p50", "p95", "p99"} {
			out = append(out, harness.Objective{Metric: name, Statistic: statistic, Relation: harness.AtMost})
		}
	}
	for _, name := range []string{metric.NameRequestThroughput, metric.NameOutputThroughput, metric.NameInputThroughput, metric.NameAudioThroughput, metric.NameGoodput, metric.NameAttainment, metric.NameErrorRate} {
		out = append(out, harness.Objective{Metric: name, Relation: harness.AtMost})
	}
	return out
}

func difference(runs []Measured, of harness.Objective) (d Difference, some bool) {
	m, err := metric.OfRow(of)
	if err != nil {
		return d, false
	}
	d.Name = strings.TrimSpace(of.Statistic + " " + of.Metric)
	var first slo.Verdict
	for i, r := range runs {
		v := slo.JudgeSoFar(r.Window, []harness.Objective{of})[0]
		d.Values = append(d.Values, valueWithInterval(v))
		some = some || !math.IsNaN(v.Value)
		if i == 0 {
			first = v
			continue
		}
		change, better := changed(first, v, m.Better)
		if of.Statistic == "" && (first.Lo == first.Hi || v.Lo == v.Hi) {
			better = "" // by how much a throughput varies within a run is not known
		}
		d.Change, d.Better = append(d.Change, change), append(d.Better, better)
	}
	return d, some
}

// changed is by how much a value differs from the first run's. The interval goes from
// one's lower end against the other's upper to the reverse: it holds the true change
// wherever both intervals hold theirs, which is at least 90 % of the time.
func changed(a, b slo.Verdict, direction metric.Direction) (change, better string) {
	if !finite(a.Value) || !finite(b.Value) || a.Value <= 0 {
		if a.Value == b.Value {
			return "none", ""
		}
		return "–", ""
	}
	value := b.Value/a.Value - 1
	lo, hi := b.Lo/a.Hi-1, b.Hi/a.Lo-1
	if !finite(a.Hi) || !finite(b.Lo) {
		lo = math.Inf(-1)
	}
	if !finite(b.Hi) || !finite(a.Lo) || a.Lo <= 0 {
		hi = math.Inf(1)
	}
	change = signed(value)
	if a.Lo != a.Hi || b.Lo != b.Hi {
		change += " [" + strings.TrimSuffix(signed(lo), " %") + ", " + strings.TrimSuffix(signed(hi), " %") + "]"
	}
	sign := 0
	switch {
	case lo > 0:
		sign = 1
	case hi < 0:
		sign = -1
	}
	if sign == 0 || direction == metric.Neutral {
		return change, ""
	}
	if (sign > 0) == (direction == metric.HigherIsBetter) {
		return change, "better"
	}
	return change, "worse"
}

func signed(share float64) string {
	if !finite(share) {
		return "?"
	}
	text := quantity.Format(math.Abs(share), quantity.Ratio)
	switch {
	case share > 0:
		return "+" + text
	case share < 0:
		return "−" + text
	}
	return text
}

// overlay draws the distributions of a metric over each other.
func overlay(runs []Measured, metric string) (chart.Plot, bool) {
	var lines []chart.Points
	for i, r := range runs {
		values := r.Window.Spread(metric)
		if values.N() == 0 {
			continue
		}
		d := chart.NewDistribution(metric, values)
		lines = append(lines, chart.Points{Name: fmt.Sprintf("%c, n = %s", 'A'+i, grouped(d.N)), X: d.X, Y: d.P, Class: fmt.Sprintf("series-%d", i)})
	}
	for _, l := range lines {
		for i := range l.X {
			l.X[i] = math.Max(l.X[i], 1e-6)
		}
	}
	if len(lines) == 0 {
		return chart.Plot{}, false
	}
	axes := chart.Axes{Title: metric, Says: "The share of measured values at or below each.", XName: metric + ", logarithmic", LogX: true,
		ShowX: chart.In(quantity.Seconds), ShowY: chart.In(quantity.Ratio)}
	return axes.Plot(lines...), true
}

// differing are the entries of run.json in which runs are not alike, but for those
// that never are.
func differing(runs []Measured) (out []Differing) {
	flat := make([]map[string]string, len(runs))
	var names []string
	for i, r := range runs {
		flat[i] = map[string]string{}
		raw, err := json.Marshal(r.Manifest)
		var tree any
		if err == nil && json.Unmarshal(raw, &tree) == nil {
			flatten("", tree, flat[i])
		}
		for name := range flat[i] {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if top, _, _ := strings.Cut(name, "."); slices.Contains([]string{"run", "start", "length_ns", "agreement", "trials", "judged"}, top) || saidInWords(name) {
			continue
		}
		d := Differing{Name: name}
		for i := range runs {
			d.Values = append(d.Values, cmp.Or(flat[i][name], "–"))
		}
		if len(slices.Compact(slices.Clone(d.Values))) > 1 {
			out = append(out, d)
		}
	}
	return out
}

// saidInWords reports whether an entry is data that another one says in words.
func saidInWords(name string) bool {
	return strings.HasPrefix(name, "scenario.load_data") || strings.HasPrefix(name, "scenario.dataset_data")
}

// flatten writes the leaves of a tree under the path to each.
func flatten(at string, tree any, into map[string]string) {
	switch v := tree.(type) {
	case map[string]any:
		for k, child := range v {
			flatten(strings.TrimPrefix(at+"."+k, "."), child, into)
		}
	case []any:
		for i, child := range v {
			flatten(fmt.Sprintf("%s.%d", at, i), child, into)
		}
	case nil:
	case float64:
		into[at] = fmt.Sprintf("%.15g", v)
	default:
		into[at] = fmt.Sprint(v)
	}
}
