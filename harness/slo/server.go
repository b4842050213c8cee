package slo

import (
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// What the server says of itself, read from its /metrics.

const noMetrics = "the server's metrics could not be read: set VLLM_METRICS_URL to where they are"

func ofTheServer() []Metric {
	gauged := func(name string, unit quantity.Unit, over over, series, formula string) Metric {
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula + " (" + series + ")",
			gauge: &gauge{source: "server", series: series, over: over, absent: noMetrics}}
	}
	timed := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: quantity.Seconds, Better: LowerIsBetter, buckets: series,
			Formula: formula + ", of requests that ended meanwhile, by the server's own histogram: a percentile is known to within a bucket (" + series + ")"}
	}
	ratio := func(name, formula, part, all, none string) Metric {
		return Metric{Name: name, Unit: quantity.Ratio, Better: HigherIsBetter, Formula: formula, beside: true, fact: true, part: part, whole: all,
			Figure: func(w *Window) estimate { return w.shareOf(part, all, none) }}
	}
	rate := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: quantity.TokensPerSecond, Better: HigherIsBetter, Formula: formula + " (" + series + ")",
			gauge: &gauge{source: "server", series: series, rate: true, absent: noMetrics}}
	}
	return []Metric{
		gauged("KV cache usage", quantity.Ratio, greatest, vllm.KVCacheUsage, "share of the KV cache in use"),
		gauged("running requests", quantity.Count, added, vllm.NumRequestsRunning, "requests in the running batch"),
		gauged("waiting requests", quantity.Count, added, vllm.NumRequestsWaiting, "requests in the server's queue"),
		gauged("deferred requests", quantity.Count, added, vllm.NumRequestsWaitingByReason+"{reason=deferred}", "requests that wait for something else than room: an adapter, a grammar, a KV cache elsewhere"),
		{Name: "aborted requests", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that the server ended before their end (vllm:request_success_total{finished_reason=abort})", counter: vllm.RequestSuccess + "{finished_reason=abort}"},
		{Name: "server errors", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that ended with an error in the server's engine (vllm:request_success_total{finished_reason=error})", counter: vllm.RequestSuccess + "{finished_reason=error}"},
		{Name: "preemptions", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that lost their KV cache and were computed again (vllm:num_preemptions_total)", counter: vllm.NumPreemptions},
		ratio("prefix cache hit rate", "tokens found ÷ tokens looked up in the prefix cache", prefixHits, prefixQueries, "the server looked nothing up in its prefix cache"),
		ratio("external cache hit rate", "tokens found ÷ tokens looked up in a KV cache elsewhere", vllm.ExternalPrefixCacheHits, vllm.ExternalPrefixCacheQueries, "the server looked nothing up in a KV cache elsewhere"),
		ratio("multimodal cache hit rate", "items found ÷ items looked up in the cache of images and the like", vllm.MultimodalCacheHits, vllm.MultimodalCacheQueries, "the server looked nothing up in its multimodal cache"),
		ratio("draft acceptance rate", "draft tokens accepted ÷ proposed, with speculative decoding", vllm.AcceptedDraftTokens, vllm.DraftTokens, "the server proposed no draft tokens"),
		timed("server TTFT", vllm.TimeToFirstToken, "from when the server had the request to its first token"),
		timed("server ITL", vllm.InterTokenLatency, "between two outputs of a request"),
		timed("server TPOT", vllm.RequestTimePerOutputToken, "decode time ÷ (output tokens − 1)"),
		timed("server E2E latency", vllm.E2ERequestLatency, "from when the server had the request to its last token"),
		timed("queue time", vllm.RequestQueueTime, "from when the engine had the request until it was first scheduled"),
		timed("prefill time", vllm.RequestPrefillTime, "from first scheduled to the first token"),
		timed("decode time", vllm.RequestDecodeTime, "from the first token to the last"),
		timed("inference time", vllm.RequestInferenceTime, "from first scheduled to the last token"),
		rate("server input throughput", vllm.PromptTokens, "prompt tokens that the server had computed or found, by the second"),
		rate("server output throughput", vllm.GenerationTokens, "tokens that the server generated, by the second"),
	}
}

// The series that a contract about the prefix cache rests on.
const (
	prefixHits    = vllm.PrefixCacheHits
	prefixQueries = vllm.PrefixCacheQueries
)

// hitRate is that of the prefix cache, where the server's figures are its own.
func hitRate(w *Window) estimate {
	for _, f := range w.notItsOwn() {
		return without(f.Text)
	}
	return w.shareOf(prefixHits, prefixQueries, "the server looked nothing up in its prefix cache")
}

// besideSeries are those that the figures of shares rest on.
func besideSeries() []string {
	return []string{prefixQueries, prefixHits, vllm.ExternalPrefixCacheQueries, vllm.ExternalPrefixCacheHits,
		vllm.MultimodalCacheQueries, vllm.MultimodalCacheHits, vllm.DraftTokens, vllm.AcceptedDraftTokens}
}
