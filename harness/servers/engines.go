package servers

import "github.com/vllmspec/vllmspec/harness/vllm"

// sglang counts tokens and requests when a request ends. Source: python/sglang/srt/observability/metrics_collector.py
// and docs/references/production_metrics.md of 2026-10 (names of 0.4 and later;
// time_per_output_token_seconds, of 0.5 and earlier, had a value for each token first and one for each request later, and is
// left out); entrypoints/openai/protocol.py (owned_by); entrypoints/http_server.py
// (/flush_cache, /server_info, and /get_server_info before it). Gauges have the total where the label priority is empty,
// and the parts beside it.
func sglang() Software {
	return Software{Kind: SGLang, Name: "SGLang", Marks: Marks{Owners: []string{"sglang"}},
		Release: Release{Paths: []string{"/server_info", "/get_server_info"}, Field: "version"}, EmptyCache: "/flush_cache",
		Metrics: Metrics{Path: "/metrics", Elsewhere: "start SGLang with --enable-metrics", Prefixes: []string{"sglang:"}, Model: "model_name", Parts: "priority", Series: []Series{
			{Name: "num_running_reqs", As: []string{vllm.NumRequestsRunning}},
			{Name: "num_queue_reqs", As: []string{vllm.NumRequestsWaiting}},
			{Name: "token_usage", As: []string{vllm.KVCacheUsage}}, // 0 to 1, of the fullest pool
			{Name: "num_retracted_requests_total", As: []string{vllm.NumPreemptions}},
			{Name: "prompt_tokens_total", As: []string{vllm.PromptTokens, vllm.RequestPromptTokens + vllm.Sum, vllm.PrefixCacheQueries}},
			{Name: "generation_tokens_total", As: []string{vllm.GenerationTokens, vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "cached_tokens_total", As: []string{vllm.PrefixCacheHits}}, // by cache_source
			{Name: "num_requests_total", As: []string{vllm.RequestSuccess}, Finished: true},
			{Name: "num_aborted_requests_total", As: []string{vllm.RequestSuccess}, Reason: "abort"},
			{Name: "time_to_first_token_seconds", As: []string{vllm.TimeToFirstToken}, Buckets: true},
			{Name: "inter_token_latency_seconds", As: []string{vllm.InterTokenLatency}, Buckets: true},
			{Name: "e2e_request_latency_seconds", As: []string{vllm.E2ERequestLatency}, Buckets: true},
			{Name: "queue_time_seconds", As: []string{vllm.RequestQueueTime}, Buckets: true},
		}}}
}

// tgi has no time to a first token, no usage of its cache and no preemptions. What it calls the mean time per
// token contains the prefill, and is no gap between tokens. Tokens are counted when a request ends. Source:
// docs/source/reference/metrics.md and router/src/server.rs of 3.3 (names, /info).
func tgi() Software {
	return Software{Kind: TGI, Name: "TGI", Marks: Marks{Probe: Probe{Path: "/info", Fields: []string{"model_id", "max_client_batch_size", "version"}}},
		Release: Release{Paths: []string{"/info"}, Field: "version"},
		Metrics: Metrics{Path: "/metrics", Prefixes: []string{"tgi_"}, Series: []Series{
			{Name: "batch_current_size", As: []string{vllm.NumRequestsRunning}},
			{Name: "queue_size", As: []string{vllm.NumRequestsWaiting}},
			{Name: "request_success", As: []string{vllm.RequestSuccess}, Finished: true},
			{Name: "request_input_length_sum", As: []string{vllm.PromptTokens, vllm.RequestPromptTokens + vllm.Sum}},
			{Name: "request_generated_tokens_sum", As: []string{vllm.GenerationTokens, vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "request_duration", As: []string{vllm.E2ERequestLatency}, Buckets: true},
			{Name: "request_queue_duration", As: []string{vllm.RequestQueueTime}, Buckets: true},
			{Name: "request_inference_duration", As: []string{vllm.RequestInferenceTime}, Buckets: true},
		}}}
}

// tensorRT is trtllm-serve. Its /metrics is JSON, and its page for Prometheus needs return_perf_metrics. Tokens are counted
// when a request ends. Source: tensorrt_llm/metrics/collector.py, serve/openai_server.py and
// serve/openai_protocol.py of 1.2 (names, path, owned_by); behind Dynamo 0.7 the prefix ended in a colon
// (docs/backends/trtllm/prometheus.md).
func tensorRT() Software {
	return Software{Kind: TensorRT, Name: "TensorRT-LLM", Marks: Marks{Owners: []string{"tensorrt_llm"}},
		Release: Release{Paths: []string{"/version"}, Field: "version"},
		Metrics: Metrics{Path: "/prometheus/metrics", Elsewhere: "start trtllm-serve with return_perf_metrics: true in its --extra_llm_api_options", Prefixes: []string{"trtllm_", "trtllm:"}, Model: "model_name", Series: []Series{
			{Name: "num_requests_running", As: []string{vllm.NumRequestsRunning}},
			{Name: "num_requests_waiting", As: []string{vllm.NumRequestsWaiting}},
			{Name: "kv_cache_utilization", As: []string{vllm.KVCacheUsage}},
			{Name: "prompt_tokens_total", As: []string{vllm.PromptTokens, vllm.RequestPromptTokens + vllm.Sum, vllm.PrefixCacheQueries}},
			{Name: "prompt_cached_tokens_total", As: []string{vllm.PrefixCacheHits}},
			{Name: "generation_tokens_total", As: []string{vllm.GenerationTokens, vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "request_success_total", As: []string{vllm.RequestSuccess}}, // has finished_reason itself
			{Name: "spec_decode_num_draft_tokens_total", As: []string{vllm.DraftTokens}},
			{Name: "spec_decode_num_accepted_tokens_total", As: []string{vllm.AcceptedDraftTokens}},
			{Name: "time_to_first_token_seconds", As: []string{vllm.TimeToFirstToken}, Buckets: true},
			{Name: "time_per_output_token_seconds", As: []string{vllm.RequestTimePerOutputToken}, Buckets: true}, // one value for each request
			{Name: "e2e_request_latency_seconds", As: []string{vllm.E2ERequestLatency}, Buckets: true},
			{Name: "request_queue_time_seconds", As: []string{vllm.RequestQueueTime}, Buckets: true},
			{Name: "request_prefill_time_seconds", As: []string{vllm.RequestPrefillTime}, Buckets: true},
			{Name: "request_decode_time_seconds", As: []string{vllm.RequestDecodeTime}, Buckets: true},
			{Name: "request_inference_time_seconds", As: []string{vllm.RequestInferenceTime}, Buckets: true},
		}}}
}

// triton has its page on a port of its own. It counts requests by model, and an ensemble's each once for every
// part, so that none of these counts is one of the client's. Source: README.md of
// triton-inference-server/tensorrtllm_backend 0.20 (names), python/openai/openai_frontend/engine/triton_engine.py
// of its server 25.06 (owned_by).
func triton() Software {
	return Software{Kind: Triton, Name: "Triton with TensorRT-LLM", Marks: Marks{Owners: []string{"Triton Inference Server"}},
		Metrics: Metrics{Path: "/metrics", Elsewhere: "set VLLM_METRICS_URL to Triton's page, usually http://host:8002/metrics", Prefixes: []string{"nv_trt_llm_"}, Series: []Series{
			{Name: "request_metrics", Label: "request_type", Value: "scheduled", As: []string{vllm.NumRequestsRunning}},
			{Name: "request_metrics", Label: "request_type", Value: "waiting", As: []string{vllm.NumRequestsWaiting}},
			{Name: "kv_cache_block_metrics", Label: "kv_cache_block_type", Value: "used", Per: "max", As: []string{vllm.KVCacheUsage}},
		}}}
}

// llamaCPP has no histograms and no count of requests, and of its cache no usage since the middle of 2025. Its prompt tokens
// are those that it computed; a slot's output tokens are counted when it is free again. A slot's cache can be
// erased only where the server was started with a folder for slots, so that it is not done. Source: tools/server/README.md
// and tools/server/server-context.cpp of b7200 (names, owned_by, build_info), examples/server/README.md of b4000
// (kv_cache_usage_ratio).
func llamaCPP() Software {
	return Software{Kind: LlamaCPP, Name: "llama.cpp", Marks: Marks{Owners: []string{"llamacpp"}, Headers: []Mark{{"Server", "llama.cpp"}}},
		Release: Release{Paths: []string{"/props"}, Field: "build_info"},
		Metrics: Metrics{Path: "/metrics", Elsewhere: "start llama-server with --metrics", Prefixes: []string{"llamacpp:"}, Series: []Series{
			{Name: "requests_processing", As: []string{vllm.NumRequestsRunning}},
			{Name: "requests_deferred", As: []string{vllm.NumRequestsWaiting}},
			{Name: "kv_cache_usage_ratio", As: []string{vllm.KVCacheUsage}},
			{Name: "prompt_tokens_total", As: []string{vllm.PromptTokens}},
			{Name: "tokens_predicted_total", As: []string{vllm.GenerationTokens, vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "spec_decode_num_draft_tokens_total", As: []string{vllm.DraftTokens}},
			{Name: "spec_decode_num_accepted_tokens_total", As: []string{vllm.AcceptedDraftTokens}},
		}}}
}

// ollama has no page of metrics. Source: docs/api.md and docs/openai.md of 0.13.
func ollama() Software {
	return Software{Kind: Ollama, Name: "Ollama", Marks: Marks{Owners: []string{"library"}, Probe: Probe{Path: "/api/tags", Fields: []string{"models"}}},
		Release: Release{Paths: []string{"/api/version"}, Field: "version"}, Metrics: Metrics{None: true}}
}
