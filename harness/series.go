package harness

import "strings"

// CurrentSeries is today's name of a series of vLLM's that once had another one,
// parts of a histogram included; other names are given back as they are. This is
// the one table of renamed metrics: what is read and what is asked for both go
// through it. Source: vLLM's docs/usage/metrics.md and its release notes.
func CurrentSeries(name string) string {
	base, part := name, ""
	for _, suffix := range []string{"_bucket", "_sum", "_count", "_total"} {
		if of, ok := strings.CutSuffix(name, suffix); ok {
			base, part = of, suffix
			break
		}
	}
	now, renamed := map[string]string{
		"vllm:gpu_cache_usage_perc":          "vllm:kv_cache_usage_perc",
		"vllm:gpu_prefix_cache_queries":      "vllm:prefix_cache_queries",
		"vllm:gpu_prefix_cache_hits":         "vllm:prefix_cache_hits",
		"vllm:time_per_output_token_seconds": "vllm:inter_token_latency_seconds",
		"vllm:time_in_queue_requests":        "vllm:request_queue_time_seconds",
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
