package slo

import (
	"fmt"
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
	Watts           Unit = "W"
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
	fromDue bool                                  // …which the client's own lateness lengthens
	begins  bool                                  // …known once an answer has begun: who leaves before has waited in vain
	ours    bool                                  // …which says nothing of the server
	gaps    func(*Window) *gaps                   // the gaps of all whole answers
	stamps  bool                                  // it compares stamps of successive chunks
	first   bool                                  // it rests on the stamp of the first chunk
	figure  func(*Window) estimate                // one figure of the run
	gauge   *gauge                                // readings of a series
	counter string                                // the rise of a series
	flight  bool                                  // requests in flight
}

// A gauge is a series that is read from time to time.
type gauge struct {
	source, series string
	most           bool // over several engines take the greatest, not the sum
	absent         string
}

// Metrics is the catalogue.
func Metrics() []Metric {
	return append(append(ofRequests(), ofTheRun()...), ofTheServer()...)
}

func ofRequests() []Metric {
	return []Metric{
		{Name: "TTFT", Unit: Seconds, Better: LowerIsBetter, Formula: "time to first token: first content − due; an unanswered request counts as the worst", request: begun((*harness.Record).TTFT), fromDue: true, first: true, begins: true},
		{Name: "ITL", Unit: Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content, over all whole answers; its interval counts requests, not gaps", gaps: func(w *Window) *gaps { return &w.chunkGaps }, stamps: true},
		{Name: "ITL per token", Unit: Seconds, Better: LowerIsBetter, Formula: "gap between two successive chunks of content ÷ tokens in the second, once for each of them, where the server tells how many a chunk holds", gaps: func(w *Window) *gaps { return &w.tokenGaps }, stamps: true},
		{Name: "time to first answer", Unit: Seconds, Better: LowerIsBetter, Formula: "first content that is not reasoning − due, of requests that have any", request: firstAnswer, fromDue: true, first: true},
		{Name: "TPOT", Unit: Seconds, Better: LowerIsBetter, Formula: "(last chunk − first chunk) ÷ (output tokens − 1), of each whole answer", first: true, request: answered((*harness.Record).TPOT)},
		{Name: "E2E latency", Unit: Seconds, Better: LowerIsBetter, Formula: "end of the answer − due; an unanswered request counts as the worst", request: answered((*harness.Record).E2E), fromDue: true},
		{Name: "longest gap", stamps: true, Unit: Seconds, Better: LowerIsBetter, Formula: "longest gap between two chunks of one answer", request: answered(longestGap)},
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
		{Name: "attainment", Unit: Ratio, Better: HigherIsBetter, Formula: "good ÷ due, with the interval of Clopper and Pearson", figure: attainment},
		{Name: "goodput", Unit: PerSecond, Better: HigherIsBetter, Formula: "attainment × request rate", figure: goodput},
		{Name: "coalesced chunks", Unit: Ratio, Better: LowerIsBetter, Formula: "chunks that came in one read with the one before, and share its stamp ÷ all chunks", figure: coalesced},
		{Name: "concurrency", Unit: Count, Formula: "requests in flight, from sent to the end of the answer, over the measured window", flight: true},
		{Name: "backlog", Unit: Count, Better: LowerIsBetter, Formula: "requests that are due and not answered yet, those that wait for a slot included, every second", gauge: &gauge{source: "client", series: harness.SeriesUnanswered, absent: "the client's own gauges were not read"}},
	}
}

func ofTheServer() []Metric {
	const metrics = "the server's metrics could not be read: set VLLM_METRICS_URL to where they are"
	const gpu = "no GPU could be read: this needs NVIDIA's driver on this machine, or its exporter beside the server"
	server := func(name string, unit Unit, formula, series string, most bool) Metric {
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula + " (" + series + ")",
			gauge: &gauge{source: "server", series: series, most: most, absent: metrics}}
	}
	device := func(name string, unit Unit, formula, series string) Metric {
		return Metric{Name: name, Unit: unit, Formula: formula, gauge: &gauge{source: "gpu", series: series, absent: gpu}}
	}
	return []Metric{
		server("KV cache usage", Ratio, "share of the KV cache in use", "vllm:kv_cache_usage_perc", true),
		server("running requests", Count, "requests in the running batch", "vllm:num_requests_running", false),
		server("waiting requests", Count, "requests in the server's queue", "vllm:num_requests_waiting", false),
		{Name: "preemptions", Unit: Count, Better: LowerIsBetter, Formula: "requests that lost their KV cache and were computed again (vllm:num_preemptions_total)", counter: "vllm:num_preemptions_total"},
		{Name: "prefix cache hit rate", Unit: Ratio, Better: HigherIsBetter, Formula: "tokens found ÷ tokens looked up in the prefix cache", figure: hitRate},
		{Name: "draft acceptance rate", Unit: Ratio, Better: HigherIsBetter, Formula: "draft tokens accepted ÷ proposed, with speculative decoding", figure: acceptance},
		device("GPU utilisation", Ratio, "share of time in which the GPU was busy", "gpu_utilisation_ratio"),
		device("GPU memory", Bytes, "memory of the GPU in use", "gpu_memory_used_bytes"),
		device("GPU power", Watts, "power drawn by the GPU", "gpu_power_watts"),
	}
}

// CountsTokens reports whether a metric needs to know how many tokens each chunk
// holds.
func CountsTokens(metric string) bool { return metric == "ITL per token" }

// ofServer reports whether a metric says nothing of single requests.
func (m Metric) ofServer() bool {
	return m.gauge != nil || m.counter != "" || m.Name == "prefix cache hit rate" || m.Name == "draft acceptance rate"
}

// Lookup finds a metric by name, whatever its case. A raw name in quotes is a
// series of the server's: read as a counter where its name says that it only
// rises, and as a gauge otherwise.
func Lookup(name string) (Metric, error) {
	if raw, ok := strings.CutPrefix(name, `"`); ok && strings.HasSuffix(raw, `"`) {
		series := strings.TrimSuffix(raw, `"`)
		m := Metric{Name: name, Unit: Count, Formula: "the server's own series " + series}
		if strings.HasSuffix(series, "_total") || strings.HasSuffix(series, "_count") {
			m.counter = series
		} else {
			m.gauge = &gauge{source: "server", series: series, absent: "the server's metrics have no series " + series}
		}
		return m, nil
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

// statistics a metric can be asked for; none where it is one figure.
func (m Metric) statistics() []string {
	switch {
	case m.figure != nil:
		return nil
	case m.counter != "":
		return []string{"total"}
	case m.flight:
		return []string{"mean", "max"}
	}
	return []string{"min", "mean", "max", "p50", "p95", "p99"}
}
