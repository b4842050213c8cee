// Package vllm is vLLM's own names: those of its metrics, today's and former ones, and of the
// paths beside OpenAI's interface. What asks a vLLM server, and what reads its metrics,
// takes them from here. The mock has its own: if both shared a name, a wrong one would
// pass every test. Source: vLLM's docs/usage/metrics.md and its release notes.
package vllm

import "strings"

// Prefix begins the names of all of vLLM's series.
const Prefix = "vllm:"

// IsSeries reports whether a series is one of vLLM's.
func IsSeries(name string) bool { return strings.HasPrefix(name, Prefix) }

// Gauges.
const (
	NumRequestsRunning         = "vllm:num_requests_running"
	NumRequestsWaiting         = "vllm:num_requests_waiting"
	NumRequestsWaitingByReason = "vllm:num_requests_waiting_by_reason"
	KVCacheUsage               = "vllm:kv_cache_usage_perc" // 0 to 1, whatever it is called
)

// CacheConfigInfo is always 1; its labels say how the KV cache is set up.
const CacheConfigInfo = "vllm:cache_config_info"

// Counters, as a page of metrics has them.
const (
	PromptTokens     = "vllm:prompt_tokens_total"
	GenerationTokens = "vllm:generation_tokens_total"
	RequestSuccess   = "vllm:request_success_total" // requests that ended, by finished_reason
	NumPreemptions   = "vllm:num_preemptions_total"

	PrefixCacheQueries         = "vllm:prefix_cache_queries_total"
	PrefixCacheHits            = "vllm:prefix_cache_hits_total"
	ExternalPrefixCacheQueries = "vllm:external_prefix_cache_queries_total"
	ExternalPrefixCacheHits    = "vllm:external_prefix_cache_hits_total"
	MultimodalCacheQueries     = "vllm:mm_cache_queries_total"
	MultimodalCacheHits        = "vllm:mm_cache_hits_total"

	DraftTokens         = "vllm:spec_decode_num_draft_tokens_total"
	AcceptedDraftTokens = "vllm:spec_decode_num_accepted_tokens_total"
)

// FinishedReason is the label that splits [RequestSuccess]. It has the value [AnyReason] where a server counts
// answers that ended and does not tell why; vLLM always tells.
const (
	FinishedReason = "finished_reason"
	AnyReason      = "any"
)

// Histograms, without [Sum], [Count] and [Bucket].
const (
	TimeToFirstToken          = "vllm:time_to_first_token_seconds"
	InterTokenLatency         = "vllm:inter_token_latency_seconds"
	RequestTimePerOutputToken = "vllm:request_time_per_output_token_seconds"
	E2ERequestLatency         = "vllm:e2e_request_latency_seconds"
	RequestQueueTime          = "vllm:request_queue_time_seconds"
	RequestPrefillTime        = "vllm:request_prefill_time_seconds"
	RequestDecodeTime         = "vllm:request_decode_time_seconds"
	RequestInferenceTime      = "vllm:request_inference_time_seconds"
	RequestPromptTokens       = "vllm:request_prompt_tokens"
	RequestGenerationTokens   = "vllm:request_generation_tokens"
	IterationTokens           = "vllm:iteration_tokens_total"
)

// The series of a histogram.
const (
	Bucket = "_bucket"
	Sum    = "_sum"
	Count  = "_count"
)

// CurrentSeries is today's name of a series that once had another one, parts of a
// histogram included; other names are given back as they are. This is the one table of
// renamed metrics: what is read and what is asked for both go through it.
func CurrentSeries(name string) string {
	base, part := name, ""
	for _, suffix := range []string{Bucket, Sum, Count, "_total"} {
		if of, ok := strings.CutSuffix(name, suffix); ok {
			base, part = of, suffix
			break
		}
	}
	now, renamed := map[string]string{
		"vllm:gpu_cache_usage_perc":          KVCacheUsage,
		"vllm:gpu_prefix_cache_queries":      strings.TrimSuffix(PrefixCacheQueries, "_total"),
		"vllm:gpu_prefix_cache_hits":         strings.TrimSuffix(PrefixCacheHits, "_total"),
		"vllm:time_per_output_token_seconds": InterTokenLatency,
		"vllm:time_in_queue_requests":        RequestQueueTime,
	}[base]
	if !renamed {
		return name
	}
	return now + part
}

// RemovedSeries is why vLLM has a series no more, and what tells about the same;
// "" for one that is not known to be gone.
func RemovedSeries(name string) string {
	return map[string]string{
		"vllm:num_requests_swapped":                 "vLLM has it no more: it preempts and computes again, and swaps nothing; ask for preemptions",
		"vllm:cpu_cache_usage_perc":                 "vLLM has it no more: it keeps no swapped blocks on the CPU",
		"vllm:gpu_prefix_cache_hit_rate":            "vLLM has it no more; ask for prefix cache hit rate",
		"vllm:cpu_prefix_cache_hit_rate":            "vLLM has it no more; ask for prefix cache hit rate",
		"vllm:prompt_tokens_recomputed":             `vLLM has it no more; ask for "vllm:prompt_tokens_by_source_total"`,
		"vllm:avg_prompt_throughput_toks_per_s":     "vLLM has it no more; ask for server input throughput",
		"vllm:avg_generation_throughput_toks_per_s": "vLLM has it no more; ask for server output throughput",
	}[strings.TrimSuffix(name, "_total")]
}
