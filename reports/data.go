package reports

import (
	"math"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
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

// Story says which figure of each request the first chart shows.
type Story struct {
	Metric string `json:"metric"` // TTFT, TPOT, E2E latency, longest gap or lag
	Column string `json:"column"` // of Requests
}

// A Limit is what an objective holds a figure of each request to.
type Limit struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"` // s
	Text   string  `json:"text"`  // p99 at most 500 ms
}

// A Distribution is the share of values at or below each, at a few hundred shares.
type Distribution struct {
	Metric string    `json:"metric"`
	N      int       `json:"n"`
	X      []float64 `json:"x"` // seconds
	P      []float64 `json:"p"`
	SQL    string    `json:"-"`
}

// columns are the figures that each request has one of, and where they stand.
func columns() map[string]string {
	return map[string]string{"TTFT": "ttft", "TPOT": "tpot", "E2E latency": "e2e", "longest gap": "gap", "lag": "lag"}
}

// data is all that the charts draw.
func (d *Drawing) data(length float64, virtual bool) Data {
	step := d.offered.step
	for _, r := range []rate{d.answered, d.broken, d.tokens} {
		step = math.Max(step, r.step)
	}
	// The rates end with the load: a bucket that is not over yet would look like a fall.
	named := func(name string, r *rate) Series { s := r.perSecond(step, length); s.Name = name; return s }
	out := Data{Length: length, End: length, Requests: d.requests(), Offered: named("due", &d.offered)}
	requests := Panel{Group: groupLoad, Name: "Throughput", Says: "Requests that became due, that were answered and that failed, per second.", Unit: "per second",
		Series: []Series{out.Offered, named("answered", &d.answered)}}
	if len(d.broken.buckets) > 0 {
		requests.Series = append(requests.Series, named("failed", &d.broken))
	}
	tokens := Panel{Group: groupLoad, Name: "Output", Says: "Tokens that arrived, per second.", Unit: "tokens per second", Series: []Series{named("output tokens", &d.tokens)}}
	for _, p := range []*Panel{&requests, &tokens} {
		p.SQL = ratesSQL(p.Series, step, length)
	}
	out.OfferedSQL = ratesSQL([]Series{out.Offered}, step, length)
	out.Panels = append([]Panel{requests, tokens}, d.watched.panels(virtual)...)
	return out
}

// newStory takes the first objective that is missed and that every request has a
// figure of; else the first that has one at all; else TTFT.
func newStory(verdicts []slo.Verdict) Story {
	for _, want := range []func(slo.Verdict) bool{
		func(v slo.Verdict) bool { return v.Outcome == slo.Missed },
		func(slo.Verdict) bool { return true },
	} {
		for _, v := range verdicts {
			if v.Compares() {
				continue
			}
			metric := v.Metric
			if metric == "ITL" {
				metric = "longest gap" // which each request has one of
			}
			if column := columns()[metric]; column != "" && want(v) {
				return Story{Metric: metric, Column: column}
			}
		}
	}
	return Story{Metric: "TTFT", Column: "ttft"}
}

// limits are those of all objectives of a figure that requests have, ITL among them.
func limits(verdicts []slo.Verdict) []Limit {
	out := []Limit{}
	for _, v := range verdicts {
		if v.Compares() || columns()[v.Metric] == "" && v.Metric != "ITL" {
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
	metrics := []string{"TTFT", "ITL", "TPOT", "E2E latency"}
	for _, v := range verdicts {
		if v.Unit == quantity.Seconds && !slices.Contains(metrics, v.Metric) {
			metrics = append(metrics, v.Metric)
		}
	}
	for _, metric := range metrics {
		if values := w.Spread(metric); values.N() > 0 {
			out = append(out, distribution(metric, values))
		}
	}
	return out
}

// distribution takes the quantiles at equal steps and, because the tail is what
// people come for, finer ones at its end.
func distribution(metric string, values *stats.Values) Distribution {
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
