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
	Every   int        `json:"every"` // 1, or k when one of k is drawn, the first 20,000 that failed aside
	Due     []float64  `json:"due"`
	TTFT    []*float64 `json:"ttft"`
	TPOT    []*float64 `json:"tpot"`
	E2E     []*float64 `json:"e2e"`
	Lag     []*float64 `json:"lag"`
	Failure []string   `json:"failure"`
	Offered []float64  `json:"offered"` // requests due per second, in buckets of Step

	seen, failed int
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

	instant, now float64
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

// newData goes through the run once, however long it is.
func newData(run *harness.Run) (Data, []Failures) {
	d := Data{From: run.From.Seconds(), To: run.To.Seconds(), Length: run.Length.Seconds()}
	d.Step = math.Max(1, math.Ceil(d.Length/600))
	d.Requests = Requests{Every: max(1, (run.Requests+drawn-1)/drawn), Due: []float64{}, Failure: []string{}}
	offered, answered, tokens := d.newRate(), d.newRate(), d.newRate()
	failed := failures{place: map[harness.Failure]int{}}
	for r := range run.Records {
		d.Requests.take(&r)
		failed.take(&r)
		offered.add(r.Due, 1)
		if r.OK() {
			answered.add(r.Done, 1)
		}
		for i, at := range r.Chunks {
			if len(r.ChunkTokens) == len(r.Chunks) {
				tokens.add(at, float64(r.ChunkTokens[i]))
			} else if r.OutputTokens > 0 {
				tokens.add(at, float64(r.OutputTokens)/float64(len(r.Chunks)))
			}
		}
	}
	d.Requests.Offered = offered.buckets
	at := d.buckets()
	d.Panels = present(append([]Panel{
		{"Requests", "Requests that became due and requests that were answered, per second.", "per second",
			[]Series{{Name: "due", At: at, V: offered.buckets}, {Name: "answered", At: at, V: answered.buckets}}, ""},
		{"Output", "Tokens that arrived, per second.", "tokens per second", []Series{{Name: "output tokens", At: at, V: tokens.buckets}}, ""},
	}, watched(run, d.Step*.9)...))
	return d, failed.counted()
}

// take draws one of so many requests, and every one that failed as long as these
// are not too many themselves.
func (c *Requests) take(r *harness.Record) {
	c.seen++
	if r.Failure != "" {
		c.failed++
	}
	if (r.Failure == "" || c.failed > drawn) && c.seen%c.Every != 0 {
		return
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

func known(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	s := digits(d.Seconds())
	return &s
}

// digits keeps tenths of a millisecond: more would be bytes that nobody sees.
func digits(seconds float64) float64 { return math.Round(seconds*1e4) / 1e4 }

// A rate adds up amounts in buckets of Step and gives them per second.
type rate struct {
	step    float64
	buckets []float64
}

func (d *Data) newRate() rate { return rate{d.Step, make([]float64, int(d.Length/d.Step)+1)} }

func (r rate) add(at time.Duration, amount float64) {
	if i := int(at.Seconds() / r.step); at >= 0 && i < len(r.buckets) {
		r.buckets[i] += amount / r.step
	}
}

func (d *Data) buckets() []float64 {
	at := make([]float64, int(d.Length/d.Step)+1)
	for i := range at {
		at[i] = float64(i) * d.Step
	}
	return at
}

// watched are the panels of what was sampled beside the load.
func watched(run *harness.Run, step float64) []Panel {
	sampled := map[[2]string]*Series{}
	named := func(name, source, series string) Series {
		sampled[[2]string{source, series}] = &Series{Name: name}
		return Series{Name: source + " " + series}
	}
	const metrics = "The server's metrics could not be read. Set VLLM_METRICS_URL to where they are."
	host := "This machine could not be watched."
	if run.Virtual {
		host = "Not in virtual time, in which a second of the run takes no second of this machine."
	}
	panels := []Panel{
		{"Concurrency", "Requests in flight, as the client saw them.", "requests", []Series{named("in flight", "client", harness.SeriesInFlight)}, "The client's own gauges were not read."},
		{"Server queue", "Requests in the server's running batch and in its queue, by its own count.", "requests",
			[]Series{named("running", "server", "vllm:num_requests_running"), named("waiting", "server", "vllm:num_requests_waiting")}, metrics},
		{"KV cache", "Share of the server's KV cache in use.", "ratio", []Series{named("in use", "server", "vllm:kv_cache_usage_perc")}, metrics},
		{"Preemptions", "Requests that lost their place in the KV cache and were computed again, between two readings.", "requests",
			[]Series{named("preemptions", "server", "vllm:num_preemptions_total")}, metrics},
		{"Prefix cache", "Prompt tokens looked up and found in the server's prefix cache, between two readings.", "tokens",
			[]Series{named("looked up", "server", "vllm:prefix_cache_queries_total"), named("found", "server", "vllm:prefix_cache_hits_total")}, metrics},
		{"Client machine", "Share of all cores that was busy on the machine that sent the requests.", "ratio",
			[]Series{named("busy", "host", "cpu_utilisation_ratio")}, host},
	}
	for sample := range run.Samples {
		if of := sampled[[2]string{sample.Source, sample.Series}]; of != nil {
			of.take(digits(sample.At.Seconds()), step, sample.Value)
		}
	}
	for _, p := range panels {
		for i, of := range p.Series {
			source, series, _ := strings.Cut(of.Name, " ")
			p.Series[i] = *sampled[[2]string{source, series}]
			if strings.HasSuffix(series, "_total") {
				p.Series[i].rises()
			}
		}
	}
	return panels
}

// take adds a reading; those of one instant are of several label sets, and add up.
// Of the instants of one step the greatest is drawn, which of a counter is the last.
func (s *Series) take(at, step, v float64) {
	if at == s.instant && len(s.At) > 0 {
		s.now += v
	} else {
		s.instant, s.now = at, v
	}
	if n := len(s.At); n > 0 && at < s.At[n-1]+step {
		s.V[n-1] = max(s.V[n-1], s.now)
		return
	}
	s.At, s.V = append(s.At, at), append(s.V, s.now)
}

// rises makes of a counter its differences to the reading before.
func (s *Series) rises() {
	for i := len(s.V) - 1; i > 0; i-- {
		s.V[i] = max(0, s.V[i]-s.V[i-1])
	}
	if len(s.V) > 0 {
		s.At, s.V = s.At[1:], s.V[1:]
	}
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

func distributions(w *slo.Window, verdicts []slo.Verdict) (out []Distribution) {
	for _, metric := range strings.Split("TTFT,ITL,TPOT,E2E latency", ",") {
		if values := w.Spread(metric); values.N() > 0 {
			out = append(out, distribution(metric, values, limitOf(verdicts, metric)))
		}
	}
	return out
}

// distribution takes the quantiles at equal steps and, because the tail is what
// people come for, finer ones at its end.
func distribution(metric string, values *stats.Values, limit *float64) Distribution {
	d := Distribution{Metric: metric, N: values.N(), Limit: limit}
	add := func(p float64) {
		d.P = append(d.P, math.Round(p*1e5)/1e5)
		d.X = append(d.X, math.Round(values.Quantile(p, 0)*1e6)/1e6)
	}
	for i := range 190 {
		add(float64(i) / 200)
	}
	for i := range 101 {
		add(.95 + float64(i)*.0005)
	}
	return d
}
