package slo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/spelling"
)

// A Unit is the base unit of a metric; limits and values are kept in it.
type Unit string

// The units.
const (
	Seconds         Unit = "s"
	Ratio           Unit = "ratio" // 0–1, per cent only in text
	PerSecond       Unit = "/s"
	TokensPerSecond Unit = "tokens/s"
	Tokens          Unit = "tokens"
	Count           Unit = "count"
	Bytes           Unit = "bytes"
	BytesPerSecond  Unit = "bytes/s"
	Cores           Unit = "cores" // CPU seconds per second
	Watts           Unit = "W"
	Joules          Unit = "J"
	Celsius         Unit = "°C"
	Hertz           Unit = "Hz"
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
	Unit    Unit
	Better  Direction
	Formula string // for the reader, in one line

	// Exactly one of these says how it is measured.
	request func(*harness.Record) (float64, bool) // one value of each request
	ofGood  bool                                  // it counts good requests
	fromDue bool                                  // …which the client's own lateness lengthens
	begins  bool                                  // …known once an answer has begun: who leaves before has waited in vain
	ours    bool                                  // …which says nothing of the server
	gaps    func(*Window) *gaps                   // the gaps of all whole answers
	stamps  bool                                  // it compares stamps of successive chunks
	first   bool                                  // it rests on the stamp of the first chunk
	figure  func(*Window) estimate                // one figure of the run
	gauge   *gauge                                // readings of a series
	counter string                                // the rise of a series…
	source  string                                // …of this source; "": the server
	buckets string                                // the server's own histogram of this name
	flight  bool                                  // requests in flight

	beside      bool   // a figure that rests on what was sampled: it says nothing of single requests
	part, whole string // …and is the rise of one counter ÷ that of another
}

// A gauge is a series that is read from time to time.
type gauge struct {
	source, series string
	over           over
	rate           bool   // of a counter: by how much it rose, by the second
	absent         string // why there may be no readings, and what to do
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
		{Name: "TTFT", Unit: Seconds, Better: LowerIsBetter, Formula: "time to first token: first content − due; an unanswered request counts as the worst", request: begun((*harness.Record).TTFT), fromDue: true, first: true, begins: true},
		{Name: "ITL", Unit: Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content, over all whole answers; its interval counts requests, not gaps", gaps: func(w *Window) *gaps { return &w.chunkGaps }, stamps: true},
		{Name: "ITL per token", Unit: Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content ÷ tokens in the second, once for each of them, where the server tells how many a chunk holds", gaps: func(w *Window) *gaps { return &w.tokenGaps }, stamps: true},
		{Name: "time to first answer", Unit: Seconds, Better: LowerIsBetter, Formula: "first content that is not reasoning − due, of requests that have any", request: firstAnswer, fromDue: true, first: true},
		{Name: "TPOT", Unit: Seconds, Better: LowerIsBetter, Formula: "(last chunk − first chunk) ÷ (output tokens − 1), of each whole answer", first: true, request: answered((*harness.Record).TPOT)},
		{Name: "E2E latency", Unit: Seconds, Better: LowerIsBetter, Formula: "end of the answer − due; an unanswered request counts as the worst", request: answered((*harness.Record).E2E), fromDue: true},
		{Name: "longest gap", stamps: true, Unit: Seconds, Better: LowerIsBetter, Formula: "longest gap between two chunks of one answer", request: answered((*harness.Record).LongestGap)},
		{Name: "TTFT since sent", Unit: Seconds, Better: LowerIsBetter, Formula: "first content − sent: to compare with tools that count from there", begins: true, first: true, request: begun(func(r *harness.Record) time.Duration { return r.TTFT() - (r.Sent - r.Due) })},
		{Name: "E2E latency since sent", Unit: Seconds, Better: LowerIsBetter, Formula: "end of the answer − sent: to compare with tools that count from there", request: answered(func(r *harness.Record) time.Duration { return r.E2E() - (r.Sent - r.Due) })},
		{Name: "lag", ours: true, Unit: Seconds, Better: LowerIsBetter, Formula: "sent − due, without connecting: our own lateness", request: func(r *harness.Record) (float64, bool) {
			return r.Lag().Seconds(), r.Sent != harness.Never
		}},
		{Name: "read delay", ours: true, Unit: Seconds, Better: LowerIsBetter, Formula: "the longest that content of an answer lay in the kernel before we read it: our own slowness, which no latency contains", request: func(r *harness.Record) (float64, bool) {
			return r.ReadDelay.Seconds(), r.ReadDelay != harness.Never
		}},
		{Name: "connecting", ours: true, Unit: Seconds, Better: LowerIsBetter, Formula: "name, connection and TLS, of requests that found no open connection; part of their TTFT", request: func(r *harness.Record) (float64, bool) {
			return r.Connecting.Seconds(), r.Connecting != harness.Never
		}},
		{Name: "resolving", ours: true, Unit: Seconds, Better: LowerIsBetter, Formula: "of connecting, the look-up of the server's name", request: func(r *harness.Record) (float64, bool) {
			return r.Resolving.Seconds(), r.Resolving != harness.Never
		}},
		{Name: "securing", ours: true, Unit: Seconds, Better: LowerIsBetter, Formula: "of connecting, the TLS handshake", request: func(r *harness.Record) (float64, bool) {
			return r.Securing.Seconds(), r.Securing != harness.Never
		}},
		{Name: "input tokens", Unit: Tokens, Formula: "prompt tokens of a request, as the server counted them", request: told(func(r *harness.Record) int { return r.PromptTokens })},
		{Name: "output tokens", Unit: Tokens, Formula: "output tokens of a request, as the server counted them", request: told(func(r *harness.Record) int { return r.OutputTokens })},
		{Name: "chunks", Unit: Count, Formula: "chunks of content of an answer; one may hold several tokens", request: told(func(r *harness.Record) int { return len(r.Chunks) })},
		{Name: "cached tokens", Unit: Tokens, Formula: "prompt tokens of a request that the server found in its prefix cache, as it counted them", request: told(func(r *harness.Record) int { return r.CachedTokens })},
		{Name: "reasoning tokens", Unit: Tokens, Formula: "output tokens of a request that were reasoning, as the server counted them", request: told(func(r *harness.Record) int { return r.ReasoningTokens })},
	}
}

func ofTheRun() []Metric {
	return []Metric{
		{Name: "requests", Unit: Count, Formula: "requests due in the measured window", figure: requests},
		{Name: "request rate", Unit: PerSecond, Formula: "requests due ÷ length of the measured window", figure: requestRate},
		{Name: "request throughput", Unit: PerSecond, Better: HigherIsBetter, Formula: "answers that ended whole inside the measured window ÷ its length", figure: requestThroughput},
		{Name: "output throughput", Unit: TokensPerSecond, Better: HigherIsBetter, Formula: "output tokens that arrived inside the measured window ÷ its length", figure: outputThroughput},
		{Name: "error rate", Unit: Ratio, Better: LowerIsBetter, Formula: "failed ÷ due, without those that their users gave up; a fact about this run, so without an interval", figure: errorRate},
		{Name: "attainment", Unit: Ratio, Better: HigherIsBetter, Formula: "good ÷ due, with the interval of Clopper and Pearson", figure: attainment, ofGood: true},
		{Name: "goodput", Unit: PerSecond, Better: HigherIsBetter, Formula: "attainment × request rate", figure: goodput, ofGood: true},
		{Name: "coalesced chunks", Unit: Ratio, Better: LowerIsBetter, Formula: "chunks that came in one read with the one before, and share its stamp ÷ all chunks", figure: coalesced},
		{Name: "concurrency", Unit: Count, Formula: "requests in flight, from sent to the end of the answer, over the measured window", flight: true},
		{Name: "backlog", Unit: Count, Better: LowerIsBetter, Formula: "requests that are due and not answered yet, those that wait for a slot included, every second", gauge: &gauge{source: "client", series: harness.SeriesUnanswered, absent: "the client's own gauges were not read"}},
	}
}

// CountsTokens reports whether a metric needs to know how many tokens each chunk
// holds.
func CountsTokens(metric string) bool { return metric == "ITL per token" }

// ofServer reports whether a metric says nothing of single requests.
func (m Metric) ofServer() bool {
	return m.gauge != nil || m.counter != "" || m.buckets != "" || m.beside
}

// Lookup finds a metric by name, whatever its case. A raw name in quotes is a
// series of the server's: read as a counter where its name says that it only
// rises, and as a gauge otherwise.
func Lookup(name string) (Metric, error) {
	if raw, ok := strings.CutPrefix(name, `"`); ok && strings.HasSuffix(raw, `"`) {
		return raws(name, strings.TrimSuffix(raw, `"`)), nil
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
func raws(name, series string) Metric {
	m := Metric{Name: name, Unit: Count, Formula: "the server's own series " + series}
	plain, _ := selector(series)
	now := harness.CurrentSeries(plain)
	asked := now + strings.TrimPrefix(series, plain)
	if strings.HasSuffix(now, "_total") || strings.HasSuffix(now, "_count") || strings.HasSuffix(now, "_sum") {
		m.counter = asked
		return m
	}
	absent := "the server's metrics have no series " + asked
	if gone := harness.RemovedSeries(plain); gone != "" {
		absent += ": " + gone
	}
	m.gauge = &gauge{source: "server", series: asked, absent: absent}
	return m
}

// statistics a metric can be asked for; none where it is one figure.
func (m Metric) statistics() []string {
	switch {
	case m.figure != nil:
		return nil
	case m.counter != "":
		return []string{"total"}
	case m.flight:
		return []string{"mean", "max"}
	case m.buckets != "":
		return []string{"mean", "p50", "p95", "p99"}
	}
	return []string{"min", "mean", "max", "p50", "p95", "p99"}
}
