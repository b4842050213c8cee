package reports

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/diagnose"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports/chart"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// A View is all that a page shows, in the words and with the digits it shows
// it. Markup only arranges it.
type View struct {
	Title       string
	Part        Part
	Target      Target    // the server that was measured
	Running     *Progress // nil once the run has ended
	Outcome     slo.Outcome
	Headline    string // the verdict in one sentence
	Reason      string // why in full, where the headline has not the room for it
	Expected    bool   // the scenario wanted this outcome, and passed
	Facts       []Fact
	Sentences   []string // of the scenario
	Whole       string   // link to the page of several runs that this is one of; "" where it is not
	Objectives  []Objective
	Figures     []Figures
	Classes     []Figures // of traffic, side by side
	Engines     []Figures // of a fleet, side by side
	Unnamed     bool      // there were more names of engines than are shown
	Failures    []Failures
	Audit       []string // why the client could not be relied on
	Warnings    []string
	Definitions []Fact
	Method      []Fact
	Checks      []Fact // the client's audit of itself
	Agreement   []Agreement
	Phases      []PhaseBar // where the time of requests went
	Environment []Fact
	Files       []Fact
	Queries     []Fact // of the files, beside those of each chart
	Data        chart.Data
}

// A Fact is a name and what stands beside it.
type Fact struct{ Name, Value string }

// Figures are the statistics of one metric.
type Figures struct {
	Name   string
	Values []Fact
	SQL    string
}

// Failures are the requests that failed in one way.
type Failures struct {
	Kind, Count, Share string
	Example            string // what exactly one of them said
	At                 string // when that one was due
}

// ask gives each chart, and each row of the figures, its query. The phases have none:
// they rest on what the server's histograms tell of each second.
func (v *View) ask(from, to time.Duration) {
	for i := range v.Data.Distributions {
		d := &v.Data.Distributions[i]
		d.SQL = sql.Distribution(d.Metric, from, to)
	}
	for i := range v.Figures {
		f := &v.Figures[i]
		var statistics []string
		for _, value := range f.Values {
			statistics = append(statistics, value.Name)
		}
		f.SQL = sql.Figures(f.Name, statistics, from, to)
	}
	for _, q := range sql.Others() {
		v.Queries = append(v.Queries, Fact{q.Gives, q.SQL})
	}
}

// NewView is the page of a run, as it was measured and judged. It reads the run once.
func NewView(run *harness.Run, measured *measure.Window, verdicts []slo.Verdict, m store.Manifest) View {
	d, observer := chart.NewDrawing(run.Requests, chart.Full()), diagnose.NewObserver(measured)
	run.Each(d, observer)
	return NewDrawnView(d, run, measured, observer.Times(), verdicts, m)
}

// NewDrawnView is the page of a run that has ended, all of which the drawing took. The times
// are where those of its requests went.
func NewDrawnView(d *chart.Drawing, run *harness.Run, measured *measure.Window, times diagnose.Times, verdicts []slo.Verdict, m store.Manifest) View {
	v := newView(d, run, measured, verdicts, m)
	v.Agreement = agreement(m)
	v.Phases, v.Data.Phases = phases(times, run.From)
	v.Outcome, v.Headline = headline(verdicts, m)
	v.Expected = passed(verdicts, m) && v.Outcome != slo.Met
	v.Reason = reasonOf(verdicts)
	v.Audit = slo.Texts(slo.Audit(measured))
	v.Checks = checks(measured)
	v.Files = files(m)
	v.ask(run.From, run.To)
	if run.Imported != nil && measured.Begun < measured.Answered {
		v.askNoChunks()
	}
	return v
}

// newView is what the page of a run that goes on and that of one which has ended have in
// common.
func newView(d *chart.Drawing, run *harness.Run, measured *measure.Window, verdicts []slo.Verdict, m store.Manifest) View {
	v := View{
		Title: run.Scenario.Name, Part: partOf(m), Sentences: m.Scenario.Sentences, Whole: wholeOf(m), Target: NewTarget(m), Warnings: harness.WarningTexts(run.Warnings), Facts: about(run, measured.Due, m),
		Figures: figures(measured.Figures()), Classes: classes(measured), Definitions: definitions(run.Scenario.Interface.Answers, verdicts),
		Method: method(run, measured, m), Environment: environment(m), Failures: failures(d), Engines: engines(d), Unnamed: d.TooManyEngines(),
	}
	for _, verdict := range verdicts {
		v.Objectives = append(v.Objectives, objective(verdict, run))
	}
	v.Data = d.Data(run, measured, verdicts)
	return v
}

// passed reports whether the scenario itself was content. One that was killed or interrupted, or
// that has no objectives, was not asked.
func passed(verdicts []slo.Verdict, m store.Manifest) bool {
	unended := m.Stopped.Kind == harness.StopKilled || m.Stopped.Kind == harness.StopInterrupted
	return m.Failure == "" && !unended && len(verdicts) > 0
}

// headline is the verdict in one sentence, which says so where it is one on the mock.
// One missed objective makes the whole missed, else one unknown makes it unknown.
func headline(verdicts []slo.Verdict, m store.Manifest) (slo.Outcome, string) {
	if len(verdicts) == 0 {
		why := "the scenario has no objectives"
		if m.Failure != "" {
			why = m.Failure
		} else if m.Stopped.Early() {
			why = "the run was " + m.Stopped.String()
		}
		return slo.Unknown, Simulated("Not judged", m.Simulated()) + ": " + why
	}
	outcome, says := judged(verdicts, m)
	return outcome, Simulated(upper(string(outcome)), m.Simulated()) + ": " + says
}

// NotJudged is the headline of a scenario that failed before there was anything to judge.
func NotJudged(t Target, cause error) string {
	return Simulated("Not judged", t.AnySimulated()) + ": " + cause.Error()
}

// Simulated adds to a verdict on the mock that it is one.
func Simulated(verdict string, yes bool) string {
	if yes {
		return verdict + ", simulated"
	}
	return verdict
}

// judged is the outcome of all rows, and what speaks for it.
func judged(verdicts []slo.Verdict, m store.Manifest) (slo.Outcome, string) {
	worst := slices.MaxFunc(verdicts, func(a, b slo.Verdict) int { return rank(a.Outcome) - rank(b.Outcome) })
	alike := 0
	for _, v := range verdicts {
		if v.Outcome == worst.Outcome {
			alike++
		}
	}
	switch {
	case worst.Outcome == slo.Met:
		all := map[int]string{1: "the one objective", 2: "both objectives"}[alike]
		return slo.Met, fmt.Sprintf("%s, %s%s.", cmp.Or(all, fmt.Sprintf("all %d objectives", alike)), quantity.Counted(m.Requests, "request"), leftOut(m))
	case worst.Outcome == slo.Unknown && len(worst.Notes) > 0:
		// The first note is why, be it this row's reason or the whole run's.
		name := worst.Name() + ", because "
		if alike == len(verdicts) {
			name = ""
		}
		return slo.Unknown, name + worst.Notes[0] + "."
	}
	sentence := strings.TrimPrefix(worst.Sentence(), string(worst.Outcome)+": ")
	if because := worst.Cause.Summary; because != "" {
		sentence += ", because " + because
	}
	if alike > 1 {
		sentence += fmt.Sprintf(" (%d of %d objectives)", alike, len(verdicts))
	}
	return worst.Outcome, strings.TrimSuffix(sentence, ".") + "."
}

// leftOut says which of the requests were not judged; "" of several runs, each of which says it itself.
func leftOut(m store.Manifest) string {
	if m.FromNS <= 0 || len(m.Trials) > 0 {
		return ""
	}
	return ", those of the first " + spanNS(m.FromNS) + " not judged"
}

// reasonOf is why the objective of the headline was missed, with the evidence; "" where
// there is none, and the headline says it all.
func reasonOf(verdicts []slo.Verdict) string {
	for _, v := range verdicts {
		if v.Outcome == slo.Missed {
			if v.Cause.Evidence == "" {
				return ""
			}
			return Sentence(v.Cause.Reason()) + "."
		}
	}
	return ""
}

func rank(o slo.Outcome) int {
	return map[slo.Outcome]int{slo.Met: 0, slo.Unknown: 1, slo.Missed: 2}[o]
}

// measuredOf says for how long a run was measured, and how many of its requests were due in that time.
func measuredOf(run *harness.Run, judged int) string {
	says := "for " + span(run.To-run.From)
	if judged < run.Requests {
		says += fmt.Sprintf(": %s of %s", grouped(judged), quantity.Counted(run.Requests, "request"))
	}
	return says
}

func about(run *harness.Run, judged int, m store.Manifest) []Fact {
	when := m.Start.UTC().Format("2 January 2006, 15:04 UTC")
	if m.Virtual {
		when += ", in virtual time"
	}
	return told([]Fact{
		{"Model", m.Server.Model},
		{"Server", m.Server.Kind},
		{"When", when},
		{"Load", humane(m.Scenario.Load)}, {"Measured", measuredOf(run, judged)},
		{"Asked", askedOf(m)},
		{"Measured by", importedFrom(m)},
		{"Seed", seedOf(m)},
		{"Scenario", m.Scenario.Where},
		{"Commit", shortCommit(m.Tool.Commit)},
	})
}

// wholeOf is the link from the page of a run to that of the several that it is one of; "" where it is not.
func wholeOf(m store.Manifest) string {
	if m.Trial == nil {
		return ""
	}
	return path.Join("..", m.Trial.Of, "report.html")
}

func told(facts []Fact) (out []Fact) {
	for _, f := range facts {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

// figures groups the summary by metric.
func figures(summary []harness.Figure) (out []Figures) {
	whole := map[string]bool{} // names of metrics, which have no statistic before them
	for _, m := range metric.Metrics() {
		whole[m.Name] = true
	}
	for _, f := range summary {
		statistic, name := "", f.Name
		if first, rest, ok := strings.Cut(name, " "); ok && !whole[name] {
			statistic, name = first, rest
		}
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, Figures{Name: name})
		}
		last := &out[len(out)-1]
		last.Values = append(last.Values, Fact{statistic, quantity.Format(f.Value, quantity.Unit(f.Unit))})
	}
	return out
}

// failures are the ways in which requests failed, in the order in which each first happened.
func failures(d *chart.Drawing) (out []Failures) {
	for _, f := range d.Failures() {
		out = append(out, Failures{Kind: string(f.Kind), Example: f.Example, At: span(f.At),
			Count: quantity.Format(float64(f.Count), quantity.Count), Share: quantity.Format(float64(f.Count)/float64(d.Requests()), quantity.Ratio)})
	}
	return out
}

// definitions explains the metrics that the objectives name, and the ones that
// the charts show.
func definitions(answers harness.Answers, verdicts []slo.Verdict) (out []Fact) {
	named := map[string]bool{metric.NameTTFT: true, metric.NameITL: true, metric.NameTPOT: true, metric.NameE2E: true,
		metric.NameOutputThroughput: true, metric.NameInputThroughput: true, metric.NameAudioThroughput: true, metric.NameRealTimeFactor: true, metric.NameConcurrency: true}
	for _, v := range verdicts {
		named[v.Metric] = true
	}
	for _, m := range metric.Meaningful(answers) {
		if named[m.Name] {
			out = append(out, Fact{m.Name, m.Formula})
		}
	}
	return out
}

func method(run *harness.Run, measured *measure.Window, m store.Manifest) []Fact {
	var good []string
	for _, o := range m.Scenario.Good {
		good = append(good, o.Text)
	}
	return told([]Fact{
		{"Window", fmt.Sprintf("requests due from %s to %s of the run; what was due earlier is warm-up, recorded and not judged", span(run.From), span(run.To))},
		{"Latency", latencyFrom(run, measured)},
		{"Stamps", stamps(run, measured)},
		{"Intervals", "95 %: order statistics for quantiles (type 7), Student's t for means, Clopper–Pearson for shares"},
		{"Verdicts", "met: the whole interval is on the right side of the limit; missed: on the wrong side; unknown: the limit lies inside it, there is no data, or the client was unsound"},
		{"Good", strings.Join(good, ", ")},
		{"Random draws", draws(run)},
	})
}

// stamps says whose clock stamped what came, and how far the client's own was off.
func stamps(run *harness.Run, measured *measure.Window) string {
	shared := ""
	for _, f := range measured.Figures() {
		if f.Name == metric.NameCoalesced {
			shared = "; " + quantity.Format(f.Value, quantity.Ratio) + " of all pieces came in one read with the one before and share its stamp"
		}
	}
	if run.Imported != nil {
		return "those of " + run.Imported.By + ", to whose client they belong" + shared
	}
	if run.Virtual {
		return "each piece of an answer is stamped when it is read, by a virtual clock, in which the client's own cost and lateness cannot show" + shared
	}
	delays := measured.Spread(metric.NameReadDelay)
	if delays.N() == 0 {
		return "each piece of an answer is stamped when it is read from the connection, before it is parsed" + shared
	}
	return fmt.Sprintf("the kernel's: each piece of an answer counts from when it arrived. The longest that one of an answer then waited for us, which stamps of our own would have added, was %s (p50), %s (p99)%s",
		quantity.Format(delays.Quantile(.5, 0), quantity.Seconds), quantity.Format(delays.Quantile(.99, 0), quantity.Seconds), shared)
}

func checks(measured *measure.Window) (out []Fact) {
	for _, c := range slo.Checks(measured) {
		value := c.Value + "; sound: " + c.Bound
		if c.Advice != "" {
			value += "; " + c.Advice
		}
		out = append(out, Fact{c.Name, value})
	}
	return out
}

func environment(m store.Manifest) []Fact {
	facts := []Fact{
		{"Server", m.Server.Kind}, {"Address", m.Server.URL}, {"Served model", m.Server.Model}, {"Server version", m.Server.Version},
		{"Client", clientOf(m)},
		{"vllmspec", strings.TrimSpace(m.Tool.Version + " " + m.Tool.Commit)}, {"Go", m.Tool.Go},
	}
	if m.Server.MaxModelLen > 0 {
		facts = append(facts, Fact{"Context", quantity.Format(float64(m.Server.MaxModelLen), quantity.Tokens)})
	}
	return told(facts)
}

func files(m store.Manifest) []Fact {
	return []Fact{
		{path.Join(m.Run, "requests.parquet"), "one row per request"},
		{path.Join(m.Run, "samples.parquet"), "one row per reading of the server, the host and the client"},
		{path.Join(m.Run, "run.json"), "what was run, against what, from where"},
		{path.Join(m.Run, "verdicts.json"), "every objective with value, interval, n, outcome"},
		{path.Join(m.Run, "bench.txt"), "the figures as Go benchmark lines, for benchstat"},
	}
}

// askedOf is what was asked, and over which interface where that is not its own.
func askedOf(m store.Manifest) string {
	if m.Scenario.Labels["interface"] == store.InterfaceChat {
		return humane(m.Scenario.Dataset) + ", asked as chats"
	}
	return humane(m.Scenario.Dataset)
}
