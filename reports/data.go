package reports

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Data is what the charts draw: one block of columns in the page. Times are
// seconds since the start of the run.
type Data struct {
	From          float64        `json:"from"` // the measured window
	To            float64        `json:"to"`
	Length        float64        `json:"length"`
	Step          float64        `json:"step"` // width of the buckets of the rates
	Requests      Requests       `json:"requests"`
	Story         Story          `json:"story"`
	Panels        []Panel        `json:"panels"`
	Distributions []Distribution `json:"distributions"`
}

// Requests are columns, one entry per request; a figure that a request does not
// have is null.
type Requests struct {
	Every   int        `json:"every"` // 1, or k when one of k is drawn, the failed ones aside
	Due     []float64  `json:"due"`
	TTFT    []*float64 `json:"ttft"`
	TPOT    []*float64 `json:"tpot"`
	E2E     []*float64 `json:"e2e"`
	Lag     []*float64 `json:"lag"`
	Failure []string   `json:"failure"`
	Offered []float64  `json:"offered"` // requests due per second, in buckets of Step
}

// Story says which figure of each request the first chart shows.
type Story struct {
	Metric string   `json:"metric"` // TTFT, TPOT, E2E latency or lag
	Column string   `json:"column"` // of Requests
	Limit  *float64 `json:"limit"`  // in seconds; null where no objective names it
}

// A Panel is one chart over time.
type Panel struct {
	Name   string   `json:"name"`
	Says   string   `json:"says"` // what it shows, in one sentence
	Unit   string   `json:"unit"`
	Series []Series `json:"series"`
	Absent string   `json:"-"` // why there is nothing to draw
}

// A Series is one line of a panel.
type Series struct {
	Name string    `json:"name"`
	At   []float64 `json:"at"`
	V    []float64 `json:"v"`
}

// A Distribution is the share of values at or below each, at a few hundred shares.
type Distribution struct {
	Metric string    `json:"metric"`
	N      int       `json:"n"`
	Limit  *float64  `json:"limit"`
	X      []float64 `json:"x"` // seconds
	P      []float64 `json:"p"`
}

// drawn is how many requests are drawn at most; of more, one of k is.
const drawn = 20_000

func newData(run *harness.Run) Data {
	d := Data{From: run.From.Seconds(), To: run.To.Seconds(), Length: run.Length.Seconds()}
	d.Step = math.Max(1, math.Ceil(d.Length/600))
	total := 0
	for range run.Records {
		total++
	}
	d.Requests = columns(run, max(1, (total+drawn-1)/drawn))
	d.Requests.Offered = d.rate(run, func(r *harness.Record, add func(time.Duration, float64)) { add(r.Due, 1) })
	d.Panels = present(append(d.clientPanels(run), watched(run)...))
	return d
}

func columns(run *harness.Run, every int) Requests {
	c := Requests{Every: every, Due: []float64{}, Failure: []string{}}
	i := 0
	for r := range run.Records {
		i++
		if r.Failure == "" && i%every != 0 {
			continue
		}
		c.Due = append(c.Due, digits(r.Due.Seconds()))
		c.Failure = append(c.Failure, string(r.Failure))
		whole := func(d time.Duration) *float64 {
			if !r.OK() {
				return nil
			}
			return known(d)
		}
		c.TTFT, c.TPOT, c.E2E = append(c.TTFT, whole(r.TTFT())), append(c.TPOT, whole(r.TPOT())), append(c.E2E, whole(r.E2E()))
		c.Lag = append(c.Lag, known(r.Lag()))
	}
	return c
}

func known(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	s := digits(d.Seconds())
	return &s
}

// digits keeps tenths of a millisecond: more would be bytes that nobody sees.
func digits(seconds float64) float64 { return math.Round(seconds*1e4) / 1e4 }

// rate adds up amounts in buckets of Step and gives them per second.
func (d *Data) rate(run *harness.Run, each func(*harness.Record, func(time.Duration, float64))) []float64 {
	out := make([]float64, int(d.Length/d.Step)+1)
	add := func(at time.Duration, amount float64) {
		if i := int(at.Seconds() / d.Step); at >= 0 && i < len(out) {
			out[i] += amount / d.Step
		}
	}
	for r := range run.Records {
		each(&r, add)
	}
	return out
}

func (d *Data) buckets() []float64 {
	at := make([]float64, int(d.Length/d.Step)+1)
	for i := range at {
		at[i] = float64(i) * d.Step
	}
	return at
}

func (d *Data) clientPanels(run *harness.Run) []Panel {
	answered := d.rate(run, func(r *harness.Record, add func(time.Duration, float64)) {
		if r.OK() {
			add(r.Done, 1)
		}
	})
	tokens := d.rate(run, func(r *harness.Record, add func(time.Duration, float64)) {
		for i, at := range r.Chunks {
			if len(r.ChunkTokens) == len(r.Chunks) {
				add(at, float64(r.ChunkTokens[i]))
			} else if r.OutputTokens > 0 {
				add(at, float64(r.OutputTokens)/float64(len(r.Chunks)))
			}
		}
	})
	at := d.buckets()
	flight := seriesOf(run, "client", harness.SeriesInFlight, false)
	flight.Name = "in flight"
	return []Panel{
		{"Requests", "Requests that became due and requests that were answered, per second.", "per second",
			[]Series{{"due", at, d.Requests.Offered}, {"answered", at, answered}}, ""},
		{"Output", "Tokens that arrived, per second.", "tokens per second", []Series{{"output tokens", at, tokens}}, ""},
		{"Concurrency", "Requests in flight, as the client saw them.", "requests", []Series{flight}, "The client's own gauges were not read."},
	}
}

// watched are the panels of what was sampled beside the load.
func watched(run *harness.Run) []Panel {
	named := func(name, source, series string, rise bool) Series {
		s := seriesOf(run, source, series, rise)
		s.Name = name
		return s
	}
	const metrics = "The server's metrics could not be read. Set VLLM_METRICS_URL to where they are."
	host := "This machine could not be watched."
	if run.Virtual {
		host = "Not in virtual time, in which a second of the run takes no second of this machine."
	}
	all := []Panel{
		{"Server queue", "Requests in the server's running batch and in its queue, by its own count.", "requests",
			[]Series{named("running", "server", "vllm:num_requests_running", false), named("waiting", "server", "vllm:num_requests_waiting", false)}, metrics},
		{"KV cache", "Share of the server's KV cache in use.", "ratio", []Series{named("in use", "server", "vllm:kv_cache_usage_perc", false)}, metrics},
		{"Preemptions", "Requests that lost their place in the KV cache and were computed again, between two readings.", "requests",
			[]Series{named("preemptions", "server", "vllm:num_preemptions_total", true)}, metrics},
		{"Prefix cache", "Prompt tokens looked up and found in the server's prefix cache, between two readings.", "tokens",
			[]Series{named("looked up", "server", "vllm:prefix_cache_queries_total", true), named("found", "server", "vllm:prefix_cache_hits_total", true)}, metrics},
		{"Client machine", "Share of all cores that was busy on the machine that sent the requests.", "ratio",
			[]Series{named("busy", "host", "cpu_utilisation_ratio", false)}, host},
	}
	return all
}

// present leaves out series without a point; a panel that keeps one has no
// reason to be empty.
func present(panels []Panel) []Panel {
	for i := range panels {
		p := &panels[i]
		p.Series = slices.DeleteFunc(p.Series, func(s Series) bool { return len(s.At) == 0 })
		if len(p.Series) > 0 {
			p.Absent = ""
		}
	}
	return panels
}

// seriesOf reads one series, summed over its label sets; a rise is the
// difference to the reading before.
func seriesOf(run *harness.Run, source, series string, rise bool) Series {
	var s Series
	for sample := range run.Samples {
		if sample.Source != source || sample.Series != series {
			continue
		}
		at := digits(sample.At.Seconds())
		if n := len(s.At); n > 0 && s.At[n-1] == at {
			s.V[n-1] += sample.Value
		} else {
			s.At, s.V = append(s.At, at), append(s.V, sample.Value)
		}
	}
	if rise {
		for i := len(s.V) - 1; i > 0; i-- {
			s.V[i] = max(0, s.V[i]-s.V[i-1])
		}
		if len(s.V) > 0 {
			s.At, s.V = s.At[1:], s.V[1:]
		}
	}
	return s
}

// newStory takes the first objective that is not met and that every request has
// a figure of; TTFT where there is none.
func newStory(verdicts []slo.Verdict) Story {
	columns := map[string]string{"TTFT": "ttft", "TPOT": "tpot", "E2E latency": "e2e", "lag": "lag"}
	story := Story{Metric: "TTFT", Column: "ttft", Limit: limitOf(verdicts, "TTFT")}
	for _, v := range verdicts {
		if column := columns[v.Metric]; column != "" && v.Outcome == slo.Missed {
			return Story{Metric: v.Metric, Column: column, Limit: &v.Limit}
		}
	}
	return story
}

// limitOf is the first upper or lower limit that a verdict holds a metric to.
func limitOf(verdicts []slo.Verdict, metric string) *float64 {
	for _, v := range verdicts {
		if v.Metric == metric {
			return &v.Limit
		}
	}
	return nil
}

func distributions(run *harness.Run, verdicts []slo.Verdict) (out []Distribution) {
	values := map[string][]float64{}
	for r := range run.Records {
		if r.Warmup || !r.OK() {
			continue
		}
		for metric, d := range map[string]time.Duration{"TTFT": r.TTFT(), "TPOT": r.TPOT(), "E2E latency": r.E2E()} {
			if d >= 0 {
				values[metric] = append(values[metric], d.Seconds())
			}
		}
		for _, gap := range r.ITLs() {
			values["ITL"] = append(values["ITL"], gap.Seconds())
		}
	}
	for _, metric := range strings.Split("TTFT,ITL,TPOT,E2E latency", ",") {
		if sorted := values[metric]; len(sorted) > 0 {
			slices.Sort(sorted)
			out = append(out, distribution(metric, sorted, limitOf(verdicts, metric)))
		}
	}
	return out
}

// distribution takes the quantiles at equal steps and, because the tail is what
// people come for, finer ones at its end.
func distribution(metric string, sorted []float64, limit *float64) Distribution {
	d := Distribution{Metric: metric, N: len(sorted), Limit: limit}
	add := func(p float64) {
		d.P = append(d.P, math.Round(p*1e5)/1e5)
		d.X = append(d.X, math.Round(stats.Quantile(sorted, p)*1e6)/1e6)
	}
	for i := range 190 {
		add(float64(i) / 200)
	}
	for i := range 101 {
		add(.95 + float64(i)*.0005)
	}
	return d
}
