package slo

// What the server says of itself, read from its /metrics.

const noMetrics = "the server's metrics could not be read: set VLLM_METRICS_URL to where they are"

func ofTheServer() []Metric {
	gauged := func(name string, unit Unit, over over, series, formula string) Metric {
		return Metric{Name: name, Unit: unit, Better: LowerIsBetter, Formula: formula + " (" + series + ")",
			gauge: &gauge{source: "server", series: series, over: over, absent: noMetrics}}
	}
	timed := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: Seconds, Better: LowerIsBetter, buckets: series,
			Formula: formula + ", of requests that ended meanwhile, by the server's own histogram: a percentile is known to within a bucket (" + series + ")"}
	}
	ratio := func(name, formula, part, all, none string) Metric {
		return Metric{Name: name, Unit: Ratio, Better: HigherIsBetter, Formula: formula, beside: true, part: part, whole: all,
			figure: func(w *Window) estimate { return w.shareOf(part, all, none) }}
	}
	rate := func(name, series, formula string) Metric {
		return Metric{Name: name, Unit: TokensPerSecond, Better: HigherIsBetter, Formula: formula + " (" + series + ")",
			gauge: &gauge{source: "server", series: series, rate: true, absent: noMetrics}}
	}
	return []Metric{
		gauged("KV cache usage", Ratio, greatest, "vllm:kv_cache_usage_perc", "share of the KV cache in use"),
		gauged("running requests", Count, added, "vllm:num_requests_running", "requests in the running batch"),
		gauged("waiting requests", Count, added, "vllm:num_requests_waiting", "requests in the server's queue"),
		gauged("deferred requests", Count, added, "vllm:num_requests_waiting_by_reason{reason=deferred}", "requests that wait for something else than room: an adapter, a grammar, a KV cache elsewhere"),
		{Name: "aborted requests", Unit: Count, Better: LowerIsBetter, Formula: "requests that the server ended before their end (vllm:request_success_total{finished_reason=abort})", counter: "vllm:request_success_total{finished_reason=abort}"},
		{Name: "server errors", Unit: Count, Better: LowerIsBetter, Formula: "requests that ended with an error in the server's engine (vllm:request_success_total{finished_reason=error})", counter: "vllm:request_success_total{finished_reason=error}"},
		{Name: "preemptions", Unit: Count, Better: LowerIsBetter, Formula: "requests that lost their KV cache and were computed again (vllm:num_preemptions_total)", counter: "vllm:num_preemptions_total"},
		ratio("prefix cache hit rate", "tokens found ÷ tokens looked up in the prefix cache", prefixHits, prefixQueries, "the server looked nothing up in its prefix cache"),
		ratio("external cache hit rate", "tokens found ÷ tokens looked up in a KV cache elsewhere", "vllm:external_prefix_cache_hits_total", "vllm:external_prefix_cache_queries_total", "the server looked nothing up in a KV cache elsewhere"),
		ratio("multimodal cache hit rate", "items found ÷ items looked up in the cache of images and the like", "vllm:mm_cache_hits_total", "vllm:mm_cache_queries_total", "the server looked nothing up in its multimodal cache"),
		ratio("draft acceptance rate", "draft tokens accepted ÷ proposed, with speculative decoding", "vllm:spec_decode_num_accepted_tokens_total", "vllm:spec_decode_num_draft_tokens_total", "the server proposed no draft tokens"),
		timed("server TTFT", "vllm:time_to_first_token_seconds", "from when the server had the request to its first token"),
		timed("server ITL", "vllm:inter_token_latency_seconds", "between two outputs of a request"),
		timed("server TPOT", "vllm:request_time_per_output_token_seconds", "decode time ÷ (output tokens − 1)"),
		timed("server E2E latency", "vllm:e2e_request_latency_seconds", "from when the server had the request to its last token"),
		timed("queue time", "vllm:request_queue_time_seconds", "from when the engine had the request until it was first scheduled"),
		timed("prefill time", "vllm:request_prefill_time_seconds", "from first scheduled to the first token"),
		timed("decode time", "vllm:request_decode_time_seconds", "from the first token to the last"),
		timed("inference time", "vllm:request_inference_time_seconds", "from first scheduled to the last token"),
		rate("server input throughput", "vllm:prompt_tokens_total", "prompt tokens that the server had computed or found, by the second"),
		rate("server output throughput", "vllm:generation_tokens_total", "tokens that the server generated, by the second"),
	}
}

// The series that a contract about the prefix cache rests on.
const (
	prefixHits    = "vllm:prefix_cache_hits_total"
	prefixQueries = "vllm:prefix_cache_queries_total"
)

func hitRate(w *Window) estimate {
	return w.shareOf(prefixHits, prefixQueries, "the server looked nothing up in its prefix cache")
}

// besideSeries are those that the figures of shares rest on.
func besideSeries() []string {
	return []string{prefixQueries, prefixHits, "vllm:external_prefix_cache_queries_total", "vllm:external_prefix_cache_hits_total",
		"vllm:mm_cache_queries_total", "vllm:mm_cache_hits_total", "vllm:spec_decode_num_draft_tokens_total", "vllm:spec_decode_num_accepted_tokens_total"}
}
