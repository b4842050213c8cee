package metric

import (
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// What the server says of itself, read from its /metrics.
func ofTheServer() []Metric {
	gauged := func(name string, unit quantity.Unit, over Over, series, formula string) Metric {
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula + " (" + series + ")",
			Source: Gauge{Feed: Server, Series: series, Over: over}}
	}
	timed := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: quantity.Seconds, Better: LowerIsBetter, Source: Histogram{series},
			Formula: formula + ", of requests that ended meanwhile, by the server's own histogram: a percentile is known to within a bucket (" + series + ")"}
	}
	ratio := func(name, formula, part, all, none string) Metric {
		return Metric{Name: name, Unit: quantity.Ratio, Better: HigherIsBetter, Formula: formula, Source: Ratio{part, all, none}}
	}
	rate := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: quantity.TokensPerSecond, Better: HigherIsBetter, Formula: formula + " (" + series + ")",
			Source: Gauge{Feed: Server, Series: series, Rate: true}}
	}
	return []Metric{
		gauged("KV cache usage", quantity.Ratio, Greatest, vllm.KVCacheUsage, "share of the KV cache in use"),
		gauged("running requests", quantity.Count, Sum, vllm.NumRequestsRunning, "requests in the running batch"),
		gauged("waiting requests", quantity.Count, Sum, vllm.NumRequestsWaiting, "requests in the server's queue"),
		gauged("deferred requests", quantity.Count, Sum, vllm.NumRequestsWaitingByReason+"{reason=deferred}", "requests that wait for something else than room: an adapter, a grammar, a KV cache elsewhere"),
		{Name: "aborted requests", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that the server ended before their end (vllm:request_success_total{finished_reason=abort})", Source: Counter{Server, vllm.RequestSuccess + "{finished_reason=abort}"}},
		{Name: "server errors", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that ended with an error in the server's engine (vllm:request_success_total{finished_reason=error})", Source: Counter{Server, vllm.RequestSuccess + "{finished_reason=error}"}},
		{Name: "preemptions", Unit: quantity.Count, Better: LowerIsBetter, Formula: "requests that lost their KV cache and were computed again (vllm:num_preemptions_total)", Source: Counter{Server, vllm.NumPreemptions}},
		ratio("prefix cache hit rate", "tokens found ÷ tokens looked up in the prefix cache", vllm.PrefixCacheHits, vllm.PrefixCacheQueries, "the server looked nothing up in its prefix cache"),
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
