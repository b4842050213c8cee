package suite_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// otherNames are the mock's series as another software writes them; what is not named is not there.
type otherNames map[string]string

// page is a page of the mock's with these names only.
func (names otherNames) page(page string, _ int) string {
	var out strings.Builder
	for line := range strings.Lines(page) {
		for ours, theirs := range names {
			if rest, has := strings.CutPrefix(line, ours); has && regexp.MustCompile(`^(_bucket|_sum|_count)?[{ ]`).MatchString(rest) {
				out.WriteString(theirs + rest)
			}
		}
	}
	return out.String()
}

// A guise is the mock as another server: what it says of itself, and its page.
type guise struct {
	kind  servers.Kind
	owner string
	path  string // of its page
	names otherNames
	wants map[string]slo.Outcome
}

func guises() []guise {
	const usage, waiting, requests, tokens = "max KV cache usage at most 90%", "max waiting requests at most 64", "disagreement on requests none", "disagreement on output tokens none"
	const ttft, preempted = "mean server TTFT at most 30 s", "total preemptions none"
	met := func(unknown ...string) map[string]slo.Outcome {
		all := map[string]slo.Outcome{}
		for _, text := range []string{usage, waiting, requests, tokens, ttft, preempted} {
			all[text] = slo.Met
		}
		for _, text := range unknown {
			all[text] = slo.Unknown
		}
		return all
	}
	gauges := func(prefix, running, waiting, usage string) otherNames {
		return otherNames{"vllm:num_requests_running": prefix + running, "vllm:num_requests_waiting": prefix + waiting, "vllm:kv_cache_usage_perc": prefix + usage}
	}
	sglang := gauges("sglang:", "num_running_reqs", "num_queue_reqs", "token_usage")
	for ours, theirs := range (otherNames{"vllm:num_preemptions_total": "num_retracted_requests_total", "vllm:request_prompt_tokens_sum": "prompt_tokens_total", "vllm:request_generation_tokens_sum": "generation_tokens_total",
		"vllm:e2e_request_latency_seconds_count": "num_requests_total", "vllm:time_to_first_token_seconds": "time_to_first_token_seconds"}) {
		sglang[ours] = "sglang:" + theirs
	}
	tensorrt := gauges("trtllm_", "num_requests_running", "num_requests_waiting", "kv_cache_utilization")
	for ours, theirs := range (otherNames{"vllm:request_success_total": "request_success_total", "vllm:request_prompt_tokens_sum": "prompt_tokens_total", "vllm:request_generation_tokens_sum": "generation_tokens_total",
		"vllm:time_to_first_token_seconds": "time_to_first_token_seconds"}) {
		tensorrt[ours] = "trtllm_" + theirs
	}
	return []guise{
		{servers.SGLang, "sglang", "/metrics", sglang, met()},
		{servers.TensorRT, "tensorrt_llm", "/prometheus/metrics", tensorrt, met(preempted)},
		{servers.TGI, "tiny", "/metrics", otherNames{"vllm:num_requests_running": "tgi_batch_current_size", "vllm:num_requests_waiting": "tgi_queue_size", "vllm:e2e_request_latency_seconds_count": "tgi_request_success",
			"vllm:request_prompt_tokens": "tgi_request_input_length", "vllm:request_generation_tokens": "tgi_request_generated_tokens", "vllm:e2e_request_latency_seconds": "tgi_request_duration"}, met(usage, ttft, preempted)},
		{servers.LlamaCPP, "llamacpp", "/metrics", otherNames{"vllm:num_requests_running": "llamacpp:requests_processing", "vllm:num_requests_waiting": "llamacpp:requests_deferred", "vllm:kv_cache_usage_perc": "llamacpp:kv_cache_usage_ratio",
			"vllm:prompt_tokens_total": "llamacpp:prompt_tokens_total", "vllm:generation_tokens_total": "llamacpp:tokens_predicted_total"}, met(requests, ttft, preempted)},
		{servers.Dynamo, "nvidia", "/metrics", otherNames{"vllm:generation_tokens_total": "dynamo_frontend_output_tokens_total", "vllm:request_prompt_tokens": "dynamo_frontend_input_sequence_tokens",
			"vllm:request_generation_tokens": "dynamo_frontend_output_sequence_tokens", "vllm:time_to_first_token_seconds": "dynamo_frontend_time_to_first_token_seconds"}, met(usage, waiting, requests, preempted)},
		{servers.Ollama, "library", "", nil, met(usage, waiting, requests, tokens, ttft, preempted)},
	}
}

// serve is the mock in that guise.
func (g guise) serve(t *testing.T) string {
	to := mocked(t)
	mux := http.NewServeMux()
	mux.Handle("/", unmarked(onward(to)))
	for _, path := range []string{"/metrics", "/version", "/server_info"} {
		mux.HandleFunc(path, http.NotFound)
	}
	if g.path != "" && g.path != "/metrics" {
		mux.Handle(g.path, metricsOf(to, g.names.page))
	}
	if g.kind == servers.TGI {
		mux.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"model_id":"tiny","max_client_batch_size":4,"version":"3.3.6"}`)
		})
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v1/models":
			fmt.Fprintf(w, `{"object":"list","data":[{"id":"llama-3.1-8b","object":"model","owned_by":%q,"max_model_len":8192}]}`, g.owner)
		case r.URL.Path == "/metrics" && g.path == "/metrics":
			metricsOf(to, g.names.page)(w, r)
		default:
			mux.ServeHTTP(w, r)
		}
	})
	return listening(t, handler)
}

// unmarked is a handler whose answers do not say that they are the mock's.
func unmarked(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(silent{w}, r) })
}

const watchedByAnyone = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 8 tokens
    And requests arrive evenly at 20 per second
    When the load runs for 3 seconds
    Then these objectives are met:
      | max KV cache usage   | at most 90% |
      | max waiting requests | at most 64  |
      | mean server TTFT     | at most 30 s |
      | total preemptions    | none        |
    And client and server agree on:
      | requests      | exactly |
      | output tokens | exactly |
`

// TestKinds_anyServersMetricsAreJudged runs one feature against the mock in the guise of each software: what that
// reports is judged, what it does not report is unknown, and each output names it.
func TestKinds_anyServersMetricsAreJudged(t *testing.T) {
	t.Parallel()
	for _, g := range guises() {
		t.Run(string(g.kind), func(t *testing.T) {
			r := feature(t, watchedByAnyone, "VLLM_URL="+g.serve(t), "VLLMSPEC_DASHBOARD=off")
			r.areVerdicts(t, g.wants)
			assert.Contains(t, r.output, servers.Of(g.kind).Name, "the console names it")
			manifest, err := store.Open(r.runs[0])
			require.NoError(t, err)
			assert.Equal(t, g.kind, manifest.Manifest.Server.Software)
			page, err := os.ReadFile(filepath.Join(r.runs[0], "report.html"))
			require.NoError(t, err)
			assert.Contains(t, string(page), servers.Of(g.kind).Name, "and so does the report")
			if g.path == "" {
				assert.Contains(t, r.output, "Ollama has no page of metrics")
			}
		})
	}
}

// azure is the mock as a deployment of Azure OpenAI's: another path, a key in a header of its own, a version in the
// query, chats only, no list of models and no metrics; and it refuses each field that OpenAI's interface has not.
func azure(t *testing.T, key string) string {
	proxy := unmarked(onward(mocked(t)))
	fields := map[string]bool{"messages": true, "model": true, "stream": true, "stream_options": true, "max_completion_tokens": true, "max_tokens": true, "temperature": true, "seed": true}
	return listening(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("apim-request-id", "1")
		refuse := func(status int, code, says string) {
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`, code, says)
		}
		raw, _ := io.ReadAll(r.Body)
		var body map[string]json.RawMessage
		_ = json.Unmarshal(raw, &body)
		switch {
		case r.Header.Get("api-key") != key:
			refuse(401, "401", "Access denied due to invalid subscription key.")
		case r.URL.Query().Get("api-version") != "2024-10-21":
			refuse(404, "404", "Resource not found")
		case r.URL.Path == "/openai/deployments/llama-3.1-8b/completions":
			refuse(400, "OperationNotSupported", "The completion operation does not work with the specified model")
		case r.URL.Path != "/openai/deployments/llama-3.1-8b/chat/completions":
			refuse(404, "404", "Resource not found")
		default:
			for name := range body {
				if !fields[name] {
					refuse(400, "unknown_parameter", "Unrecognized request argument supplied: "+name)
					return
				}
			}
			r.URL.Path, r.URL.RawQuery, r.Body, r.ContentLength = "/v1/chat/completions", "", io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
			proxy.ServeHTTP(w, r)
		}
	}))
}

// TestKinds_deploymentOfAzure measures it with what docs/servers.md says to set.
func TestKinds_deploymentOfAzure(t *testing.T) {
	t.Parallel()
	const key, query, inQuery = "pl4nted-azure-key", "?api-version=2024-10-21", "pl4nted-query-key"
	r, err := tryIn(t, chatsIn(t), guest("llama-3.1-8b", "conversations are drawn from \"chats.jsonl\"\n    And answers are at most 8 tokens long", "20", "40 requests", ""),
		"VLLM_URL="+azure(t, key)+"/openai/deployments/llama-3.1-8b"+query+"&code="+inQuery, "VLLM_HEADERS=api-key: "+key, "VLLMSPEC_DASHBOARD=off")
	require.NoError(t, err)
	assert.True(t, r.passed, r.output)
	assert.Contains(t, r.output, "/openai/deployments/llama-3.1-8b"+query+"&code=… (llama-3.1-8b, Azure OpenAI)")
	assert.NotContains(t, r.output, key)
	assert.NotContains(t, r.output, inQuery)
	for _, path := range globbed(t, r.runs[0]) {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(raw), key, path)
		assert.NotContains(t, string(raw), inQuery, path)
	}
	r, err = tryIn(t, chatsIn(t), guest("llama-3.1-8b", "prompts of 64 tokens are answered in 8 tokens", "10", "20 requests", ""),
		"VLLM_URL="+azure(t, key)+"/openai/deployments/llama-3.1-8b"+query, "VLLM_HEADERS=api-key: "+key, "VLLMSPEC_DASHBOARD=off")
	require.NoError(t, err)
	assert.False(t, r.passed)
	assert.Contains(t, r.output, "answers that run to their full length need ignore_eos", "what cannot be asked of it has a sentence")
}

// chatsIn is a folder with a file of chats.
func chatsIn(t *testing.T) string {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "chats.jsonl"), []byte(`{"messages": [{"role": "user", "content": "What is a limit?"}]}`+"\n"), 0o644))
	return root
}
