package servers

import "github.com/vllmspec/vllmspec/harness/vllm"

// nim has vLLM's names of an earlier time without their prefix; newer ones, which have vLLM's own names, are read as vLLM.
// Its time per output token has one value for each token, as vLLM's had under that name. Source: docs.nvidia.com/nim/large-language-models
// (observability, API reference) of 1.14.
func nim() Software {
	return Software{Kind: NIM, Name: "NVIDIA NIM", Marks: Marks{Probe: Probe{Path: "/v1/version", Fields: []string{"release", "api"}}},
		Release: Release{Paths: []string{"/v1/version"}, Field: "release"},
		Metrics: Metrics{Path: "/v1/metrics", Prefixes: []string{""}, Model: "model_name", Series: []Series{
			{Name: "num_requests_running", As: []string{vllm.NumRequestsRunning}},
			{Name: "num_requests_waiting", As: []string{vllm.NumRequestsWaiting}},
			{Name: "gpu_cache_usage_perc", As: []string{vllm.KVCacheUsage}}, // 0 to 1
			{Name: "prompt_tokens_total", As: []string{vllm.PromptTokens}},
			{Name: "generation_tokens_total", As: []string{vllm.GenerationTokens}},
			{Name: "request_prompt_tokens_sum", As: []string{vllm.RequestPromptTokens + vllm.Sum}},
			{Name: "request_generation_tokens_sum", As: []string{vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "request_success_total", As: []string{vllm.RequestSuccess}, Finished: true},
			{Name: "time_to_first_token_seconds", As: []string{vllm.TimeToFirstToken}, Buckets: true},
			{Name: "time_per_output_token_seconds", As: []string{vllm.InterTokenLatency}, Buckets: true},
			{Name: "e2e_request_latency_seconds", As: []string{vllm.E2ERequestLatency}, Buckets: true},
		}}}
}

// dynamo is the page of its front end. What it calls in flight and queued are other things than running and waiting: a
// request is queued there until its first token. Pages of its workers have the names of their engine, and are read
// as that engine's. Source: docs/observability/metrics.md and metrics_examples/fe.log of ai-dynamo/dynamo 0.7; docs.nvidia.com/dynamo,
// metrics catalog of 1.6.
func dynamo() Software {
	return Software{Kind: Dynamo, Name: "NVIDIA Dynamo",
		Metrics: Metrics{Path: "/metrics", Prefixes: []string{"dynamo_frontend_"}, Model: "model", Series: []Series{
			{Name: "output_tokens_total", As: []string{vllm.GenerationTokens}},
			{Name: "input_sequence_tokens_sum", As: []string{vllm.RequestPromptTokens + vllm.Sum}},
			{Name: "output_sequence_tokens_sum", As: []string{vllm.RequestGenerationTokens + vllm.Sum}},
			{Name: "requests_total", Label: "status", Value: "success", As: []string{vllm.RequestSuccess}, Finished: true},
			{Name: "time_to_first_token_seconds", As: []string{vllm.TimeToFirstToken}, Buckets: true},
			{Name: "inter_token_latency_seconds", As: []string{vllm.InterTokenLatency}, Buckets: true},
			{Name: "request_duration_seconds", As: []string{vllm.E2ERequestLatency}, Buckets: true},
		}}}
}

// gateways answer for other servers, or as a service. What one reports is what it saw itself.
func gateways() []Software {
	return []Software{
		// Source: docs.litellm.ai/docs/proxy/prometheus of 2026-10, litellm/proxy/common_request_processing.py (header).
		{Kind: LiteLLM, Name: "LiteLLM", Marks: Marks{Headers: []Mark{{"X-Litellm-Version", ""}}}, Release: Release{Header: "X-Litellm-Version"},
			Metrics: Metrics{Path: "/metrics", Elsewhere: "add prometheus to LiteLLM's callbacks", Prefixes: []string{"litellm_"}, Series: []Series{
				{Name: "input_tokens_metric_total", As: []string{vllm.PromptTokens, vllm.RequestPromptTokens + vllm.Sum}},
				{Name: "output_tokens_metric_total", As: []string{vllm.GenerationTokens, vllm.RequestGenerationTokens + vllm.Sum}},
				{Name: "requests_metric_total", As: []string{vllm.RequestSuccess}, Finished: true},
				{Name: "llm_api_time_to_first_token_metric", As: []string{vllm.TimeToFirstToken}, Buckets: true},
				{Name: "request_total_latency_metric", As: []string{vllm.E2ERequestLatency}, Buckets: true},
			}}},
		// Source: learn.microsoft.com/azure/ai-services/openai/reference, API version 2024-10-21.
		{Kind: AzureOpenAI, Name: "Azure OpenAI", Metrics: Metrics{None: true}, RefusesCompletions: true,
			Marks: Marks{Hosts: []string{"*.openai.azure.com", "*.cognitiveservices.azure.com", "*.services.ai.azure.com"}, Headers: []Mark{{"Apim-Request-Id", ""}}}},
		// Source: platform.openai.com/docs/api-reference (debugging requests), 2026-10.
		{Kind: OpenAI, Name: "OpenAI", Metrics: Metrics{None: true},
			Marks: Marks{Hosts: []string{"api.openai.com"}, Headers: []Mark{{"Openai-Version", ""}}}},
		// Source: docs.aws.amazon.com/bedrock/latest/userguide (Invoke a model with the OpenAI Chat Completions API), 2026-10.
		{Kind: Bedrock, Name: "Amazon Bedrock", Metrics: Metrics{None: true}, Marks: Marks{Hosts: []string{"bedrock-runtime*.amazonaws.com"}}},
	}
}
