package chart

import (
	"math"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// Data is what the charts draw: one block in the page. Times are seconds since the
// start of the run.
type Data struct {
	From          float64        `json:"from"` // the measured window
	To            float64        `json:"to"`
	Length        float64        `json:"length"`
	End           float64        `json:"end"` // of the axis of time
	Requests      Requests       `json:"requests"`
	Story         Story          `json:"story"`
	Limits        []Limit        `json:"limits"`
	Offered       Series         `json:"offered"` // requests due per second
	OfferedSQL    string         `json:"-"`
	Panels        []Panel        `json:"panels"`
	Phases        []Series       `json:"phases,omitempty"` // of an average request, by when it was due
	Distributions []Distribution `json:"distributions"`
}

// Story says which metric of each request the first chart shows.
type Story struct {
	Metric string `json:"metric"`
}

// A Limit is what an objective holds a figure of each request to.
type Limit struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Text   string  `json:"text"` // p99 at most 500 ms
}

// A Distribution is the share of values at or below each, at a few hundred shares.
type Distribution struct {
	Metric string    `json:"metric"`
	N      int       `json:"n"`
	X      []float64 `json:"x"` // seconds
	P      []float64 `json:"p"`
	SQL    string    `json:"-"`
}

// Figures are those of each request that a page offers: those that some request has, and the
// one that the first chart shows.
func (d Data) Figures() (out []metric.Metric) {
	for _, f := range d.Requests.Figures {
		if f.Some || f.Name == d.Story.Metric {
			out = append(out, f.of)
		}
	}
	return out
}

// Data is all that the charts draw of a run that was measured and judged so far.
func (d *Drawing) Data(run *harness.Run, measured *measure.Window, verdicts []slo.Verdict) Data {
	out := d.data(run.Length.Seconds(), run.Virtual)
	because(out.Panels, run.Unread)
	out.From, out.To = run.From.Seconds(), run.To.Seconds()
	answers := run.Scenario.Interface.Answers
	if !answers.Generates() {
		out.Panels = slices.DeleteFunc(out.Panels, func(p Panel) bool { return p.Name == output })
	}
	out.Story, out.Limits = newStory(answers, verdicts), limits(verdicts)
	out.Distributions = distributions(measured, verdicts)
	return out
}

// Nothing is what the charts draw before there is a run.
func Nothing() Data {
	out := NewDrawing(0, Brief()).data(0, false)
	out.Story, out.Limits, out.Distributions = newStory(harness.Streamed, nil), []Limit{}, []Distribution{}
	return out
}

// OfferedSoFar counts what was due as it is issued, of a run that goes on: of the requests
// themselves only those are known that have ended.
func (d *Data) OfferedSoFar(of *Drawing) {
	d.Offered = of.issued.series(of.issued.step)
	d.Offered.Name = string(sql.Due)
	d.Panels[0].Series[0] = d.Offered
}

// data is all that the charts draw of the records and samples alone.
func (d *Drawing) data(length float64, virtual bool) Data {
	step := d.offered.step
	for _, r := range []rate{d.answered, d.broken, d.tokens} {
		step = math.Max(step, r.step)
	}
	// The rates end with the load: a bucket that is not over yet would look like a fall.
	named := func(of sql.Amount, r *rate) Series { s := r.perSecond(step, length); s.Name = string(of); return s }
	out := Data{Length: length, End: length, Requests: d.requests(), Offered: named(sql.Due, &d.offered)}
	requests := Panel{Group: groupLoad, Name: "Throughput", Says: "Requests that became due, that were answered and that failed, per second.", Unit: "per second",
		Series: []Series{out.Offered, named(sql.Answered, &d.answered)}}
	if len(d.broken.buckets) > 0 {
		requests.Series = append(requests.Series, named(sql.Failed, &d.broken))
	}
	tokens := Panel{Group: groupLoad, Name: output, Says: "Tokens that arrived, per second.", Unit: "tokens per second", Series: []Series{named(sql.OutputTokens, &d.tokens)}}
	for _, p := range []*Panel{&requests, &tokens} {
		p.SQL = rates(p.Series, step, length)
	}
	out.OfferedSQL = rates([]Series{out.Offered}, step, length)
	out.Panels = append([]Panel{requests, tokens}, d.watched.panels(virtual)...)
	return out
}

// output is the name of the panel of tokens that are generated.
const output = "Output"

// rates is the query of lines that are drawn in the same steps.
func rates(lines []Series, step, length float64) string {
	var of []sql.Amount
	for _, s := range lines {
		of = append(of, sql.Amount(s.Name))
	}
	return sql.Rates(of, len(lines[0].At), step, length)
}

// newStory takes the first objective that is missed and that every request has a
// figure of; else the first that has one at all; else TTFT, or E2E latency where no token comes before the end.
func newStory(answers harness.Answers, verdicts []slo.Verdict) Story {
	for _, want := range []func(slo.Verdict) bool{
		func(v slo.Verdict) bool { return v.Outcome == slo.Missed },
		func(slo.Verdict) bool { return true },
	} {
		for _, v := range verdicts {
			if v.Compares() {
				continue
			}
			if of, is := ofEachRequest(v.Metric); is && want(v) {
				return Story{Metric: of}
			}
		}
	}
	if !answers.Streams() {
		return Story{Metric: metric.NameE2E}
	}
	return Story{Metric: metric.NameTTFT}
}

// ofEachRequest is the metric by which requests show what a metric is about: itself, or of the
// gaps between chunks the longest one.
func ofEachRequest(name string) (of string, is bool) {
	m, err := metric.Lookup(name)
	switch {
	case err != nil:
		return "", false
	case m.Source == metric.Gap{}:
		return metric.NameLongestGap, true
	}
	return m.Name, m.PerRequest() != nil
}

// limits are those of all objectives of a figure that requests have, ITL among them.
func limits(verdicts []slo.Verdict) []Limit {
	out := []Limit{}
	for _, v := range verdicts {
		if _, is := ofEachRequest(v.Metric); !is || v.Compares() {
			continue
		}
		name := strings.TrimSpace(strings.TrimSuffix(v.Name(), v.Metric))
		out = append(out, Limit{v.Metric, v.Limit, strings.TrimSpace(name + " " + v.Expectation())})
	}
	return out
}

// distributions are those of every run, and those of other times that objectives name.
func distributions(w *measure.Window, verdicts []slo.Verdict) []Distribution {
	out := []Distribution{}
	names := []string{metric.NameTTFT, metric.NameITL, metric.NameTPOT, metric.NameE2E}
	for _, v := range verdicts {
		if v.Unit == quantity.Seconds && !slices.Contains(names, v.Metric) {
			names = append(names, v.Metric)
		}
	}
	for _, name := range names {
		if values := w.Spread(name); values.N() > 0 {
			out = append(out, NewDistribution(name, values))
		}
	}
	return out
}

// NewDistribution takes the quantiles at equal steps and, because the tail is what
// people come for, finer ones at its end.
func NewDistribution(metric string, values *stats.Values) Distribution {
	d := Distribution{Metric: metric, N: values.N()}
	add := func(p float64) {
		d.P = append(d.P, math.Round(p*1e5)/1e5)
		d.X = append(d.X, round4(values.Quantile(p, 0)))
	}
	for i := range 190 {
		add(float64(i) / 200)
	}
	for i := range 81 {
		add(.95 + float64(i)*.0005)
	}
	for i := range 101 {
		add(.99 + float64(i)*.0001)
	}
	return d
}
