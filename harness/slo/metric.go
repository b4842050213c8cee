package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// A Direction says which values of a metric are good ones.
type Direction int

// The directions.
const (
	Neutral Direction = iota
	LowerIsBetter
	HigherIsBetter
)

// A Metric is one row of the catalogue.
type Metric struct {
	Name    string
	Unit    quantity.Unit
	Better  Direction
	Formula string // for the reader, in one line

	// Exactly one of these says how it is measured.
	Request       func(*harness.Record) (float64, bool) // one value of each request
	ofGood        bool                                  // it counts good requests
	begins        bool                                  // …known once an answer has begun: who leaves before has waited in vain
	ours          bool                                  // …which says nothing of the server
	fact          bool                                  // a count of requests or tokens, which no speed of the server and no cache changes
	Gaps          func(*Window) *gaps                   // the gaps of all whole answers
	stamps        bool                                  // it compares stamps of successive chunks
	first         bool                                  // it rests on the stamp of the first chunk
	betweenChunks bool                                  // it is a time between chunks of one answer
	tokenCounts   bool                                  // it rests on the server's own counts of tokens
	Figure        func(*Window) estimate                // one figure of the run
	gauge         *gauge                                // readings of a series
	counter       string                                // the rise of a series…
	source        string                                // …of this source; "": the server
	buckets       string                                // the server's own histogram of this name
	Flight        bool                                  // requests in flight

	beside      bool   // a figure that rests on what was sampled: it says nothing of single requests
	part, whole string // …and is the rise of one counter ÷ that of another
}

// A gauge is a series that is read from time to time.
type gauge struct {
	source, series string
	over           over
	rate           bool   // of a counter: by how much it rose, by the second
	absent         string // why there may be no readings, and what to do
	raw            bool   // named by the scenario, not by the catalogue
}

// over is what becomes of the readings of one instant, of several engines, cores or GPUs.
type over int

const (
	added over = iota
	greatest
	averaged
)

// Metrics is the catalogue.
func Metrics() []Metric {
	return slices.Concat(ofRequests(), ofTheRun(), ofTheServer(), ofTheHost(), ofTheGPU(), ofEnergy())
}

func ofRequests() []Metric {
	return []Metric{
		{Name: "TTFT", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "time to first token: first content − due; an unanswered request counts as the worst", Request: begun((*harness.Record).TTFT), first: true, begins: true},
		{Name: "ITL", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content, over all whole answers; its interval counts requests, not gaps", Gaps: func(w *Window) *gaps { return &w.chunkGaps }, stamps: true, betweenChunks: true},
		{Name: "ITL per token", tokenCounts: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content ÷ tokens in the second, once for each of them, where the server tells how many a chunk holds", Gaps: func(w *Window) *gaps { return &w.tokenGaps }, stamps: true, betweenChunks: true},
		{Name: "time to first answer", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "first content that is not reasoning − due, of requests that have any", Request: firstAnswer, first: true},
		{Name: "TPOT", tokenCounts: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "(last chunk − first chunk) ÷ (output tokens − 1), of each whole answer", first: true, betweenChunks: true, Request: answered((*harness.Record).TPOT)},
		{Name: "E2E latency", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "end of the answer − due; an unanswered request counts as the worst", Request: answered((*harness.Record).E2E)},
		{Name: "longest gap", stamps: true, betweenChunks: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "longest gap between two chunks of one answer", Request: answered((*harness.Record).LongestGap)},
		{Name: "TTFT since sent", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "first content − sent: to compare with tools that count from there", begins: true, first: true, Request: begun(func(r *harness.Record) time.Duration { return r.TTFT() - (r.Sent - r.Due) })},
		{Name: "E2E latency since sent", Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "end of the answer − sent: to compare with tools that count from there", Request: answered(func(r *harness.Record) time.Duration { return r.E2E() - (r.Sent - r.Due) })},
		{Name: "lag", ours: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "sent − due, without connecting: our own lateness", Request: func(r *harness.Record) (float64, bool) {
			return r.Lag().Seconds(), r.Sent != harness.Never
		}},
		{Name: "read delay", ours: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "the longest that content of an answer lay in the kernel before we read it: our own slowness, which no latency contains", Request: func(r *harness.Record) (float64, bool) {
			return r.ReadDelay.Seconds(), r.ReadDelay != harness.Never
		}},
		{Name: "connecting", ours: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "name, connection and TLS, of requests that found no open connection; part of their TTFT", Request: func(r *harness.Record) (float64, bool) {
			return r.Connecting.Seconds(), r.Connecting != harness.Never
		}},
		{Name: "resolving", ours: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "of connecting, the look-up of the server's name", Request: func(r *harness.Record) (float64, bool) {
			return r.Resolving.Seconds(), r.Resolving != harness.Never
		}},
		{Name: "securing", ours: true, Unit: quantity.Seconds, Better: LowerIsBetter, Formula: "of connecting, the TLS handshake", Request: func(r *harness.Record) (float64, bool) {
			return r.Securing.Seconds(), r.Securing != harness.Never
		}},
		{Name: "input tokens", tokenCounts: true, fact: true, Unit: quantity.Tokens, Formula: "prompt tokens of a request, as the server counted them", Request: told(func(r *harness.Record) int { return r.PromptTokens })},
		{Name: "output tokens", tokenCounts: true, fact: true, Unit: quantity.Tokens, Formula: "output tokens of a request, as the server counted them", Request: told(func(r *harness.Record) int { return r.OutputTokens })},
		{Name: "chunks", fact: true, Unit: quantity.Count, Formula: "chunks of content of an answer; one may hold several tokens", Request: told(func(r *harness.Record) int { return len(r.Chunks) })},
		{Name: "cached tokens", tokenCounts: true, fact: true, Unit: quantity.Tokens, Formula: "prompt tokens of a request that the server found in its prefix cache, as it counted them", Request: told(func(r *harness.Record) int { return r.CachedTokens })},
		{Name: "reasoning tokens", tokenCounts: true, fact: true, Unit: quantity.Tokens, Formula: "output tokens of a request that were reasoning, as the server counted them", Request: told(func(r *harness.Record) int { return r.ReasoningTokens })},
	}
}

func ofTheRun() []Metric {
	return []Metric{
		{Name: "requests", fact: true, Unit: quantity.Count, Formula: "requests due in the measured window", Figure: requests},
		{Name: "request rate", fact: true, Unit: quantity.PerSecond, Formula: "requests due ÷ length of the measured window", Figure: requestRate},
		{Name: "request throughput", Unit: quantity.PerSecond, Better: HigherIsBetter, Formula: "answers that ended whole inside the measured window ÷ its length", Figure: requestThroughput},
		{Name: "output throughput", tokenCounts: true, Unit: quantity.TokensPerSecond, Better: HigherIsBetter, Formula: "output tokens that arrived inside the measured window, without those of requests that failed ÷ its length", Figure: outputThroughput},
		{Name: "error rate", fact: true, Unit: quantity.Ratio, Better: LowerIsBetter, Formula: "failed ÷ due; what users gave up is no error, and what we stopped waiting for is left out, or leaves it open; a fact about this run", Figure: errorRate},
		{Name: "attainment", Unit: quantity.Ratio, Better: HigherIsBetter, Formula: "good ÷ due, with the interval of Clopper and Pearson", Figure: attainment, ofGood: true},
		{Name: "goodput", Unit: quantity.PerSecond, Better: HigherIsBetter, Formula: "attainment × request rate", Figure: goodput, ofGood: true},
		{Name: "coalesced chunks", fact: true, Unit: quantity.Ratio, Better: LowerIsBetter, Formula: "chunks that came in one read with the one before, and share its stamp ÷ all chunks", Figure: coalesced},
		{Name: "concurrency", Unit: quantity.Count, Formula: "requests in flight, from sent to the end of the answer, over the measured window", Flight: true},
		{Name: "backlog", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that are due and not answered yet, those that wait for a slot included, every second", gauge: &gauge{source: "client", series: harness.SeriesUnanswered, absent: "the client's own gauges were not read"}},
	}
}

// CountsTokens reports whether a metric needs to know how many tokens each chunk
// holds.
func CountsTokens(metric string) bool { return metric == "ITL per token" }

// IsSampled reports whether a metric says nothing of single requests.
func (m Metric) IsSampled() bool {
	return m.gauge != nil || m.counter != "" || m.buckets != "" || m.beside
}

// fromDue reports whether a metric counts from when a request was due, so that the
// client's own lateness is part of it. The formula itself is asked: a flag beside it
// could say something else.
func (m Metric) fromDue() bool {
	if m.Request == nil || m.ours {
		return false
	}
	r := harness.NewRecord(0, 0)
	r.Sent, r.Headers, r.FirstAnswer, r.Done = time.Second, 2*time.Second, 3*time.Second, 5*time.Second
	r.Chunks, r.PromptTokens, r.OutputTokens = []time.Duration{3 * time.Second, 4 * time.Second}, 2, 2
	before, _ := m.Request(&r)
	r.Due += time.Second
	after, _ := m.Request(&r)
	return after != before
}

// Lookup finds a metric by name, whatever its case. A raw name in quotes is a
// series of the server's: read as a counter where its name says that it only
// rises, and as a gauge otherwise.
func Lookup(name string) (Metric, error) {
	if raw, ok := strings.CutPrefix(name, `"`); ok && strings.HasSuffix(raw, `"`) {
		return raws(name, strings.TrimSuffix(raw, `"`))
	}
	var names []string
	for _, m := range Metrics() {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Metric{}, fmt.Errorf("unknown metric %q%s", name, spelling.DidYouMean(name, names))
}

// counts is the source of a counter.
func (m Metric) counts() string { return cmp.Or(m.source, "server") }

// raws is a series of the server's own, of all labels or of some, under today's name
// for it.
func raws(name, series string) (Metric, error) {
	if err := checkSelector(series); err != nil {
		return Metric{}, err
	}
	m := Metric{Name: name, Unit: quantity.Count, Formula: "the server's own series " + series}
	plain, _ := selector(series)
	now := vllm.CurrentSeries(plain)
	asked := now + strings.TrimPrefix(series, plain)
	if IsCounter(now) {
		m.counter = asked
		return m, nil
	}
	absent := "the server's metrics have no series " + asked
	if gone := vllm.RemovedSeries(plain); gone != "" {
		absent += ": " + gone
	}
	m.gauge = &gauge{source: "server", series: asked, absent: absent, raw: true}
	return m, nil
}

// statistics a metric can be asked for; none where it is one figure.
func (m Metric) statistics() []string {
	switch {
	case m.Figure != nil:
		return nil
	case m.counter != "":
		return []string{"total"}
	case m.Flight:
		return []string{"mean", "max"}
	case m.buckets != "":
		return []string{"mean", "p50", "p95", "p99"}
	}
	return []string{"min", "mean", "max", "p50", "p95", "p99"}
}
