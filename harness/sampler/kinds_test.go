package sampler_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// What the pages in testdata/pages say: ten requests ended, three run and five wait.
const (
	running, waiting, usage = vllm.NumRequestsRunning, vllm.NumRequestsWaiting, vllm.KVCacheUsage
	prompts, outputs        = vllm.RequestPromptTokens + vllm.Sum, vllm.RequestGenerationTokens + vllm.Sum
	firsts, bucket          = vllm.TimeToFirstToken + vllm.Count, vllm.TimeToFirstToken + vllm.Bucket
	ended                   = vllm.RequestSuccess
)

// TestPrometheus_readsOtherServersByVLLMsNames reads a page of each software, written by the names that its
// documents have. What it does not report must not be there.
func TestPrometheus_readsOtherServersByVLLMsNames(t *testing.T) {
	t.Parallel()
	for kind, test := range map[servers.Kind]struct {
		has   map[string]float64 // by series and, where there is one, its reason or le
		lacks []string
	}{
		servers.SGLang: {has: map[string]float64{running: 3, waiting: 5, usage: 0.28, vllm.NumPreemptions: 4, vllm.PromptTokens: 480, vllm.GenerationTokens: 80, prompts: 480, outputs: 80,
			vllm.PrefixCacheHits: 96, vllm.PrefixCacheQueries: 480, ended + " any": 10, ended + " abort": 1, firsts: 10, bucket + " 0.1": 2, vllm.InterTokenLatency + vllm.Count: 70,
			vllm.E2ERequestLatency + vllm.Sum: 9, vllm.RequestQueueTime + vllm.Sum: 0.5}, lacks: []string{vllm.RequestPrefillTime + vllm.Sum}},
		servers.TGI: {has: map[string]float64{running: 3, waiting: 5, ended + " any": 10, prompts: 480, outputs: 80, vllm.GenerationTokens: 80, vllm.E2ERequestLatency + vllm.Sum: 9,
			vllm.E2ERequestLatency + vllm.Bucket + " 1": 9, vllm.RequestQueueTime + vllm.Sum: 0.5, vllm.RequestInferenceTime + vllm.Sum: 8}, lacks: []string{usage, firsts, vllm.NumPreemptions, vllm.InterTokenLatency + vllm.Sum}},
		servers.TensorRT: {has: map[string]float64{running: 3, waiting: 5, usage: 0.28, ended + " stop": 4, ended + " length": 6, prompts: 480, outputs: 80, vllm.PrefixCacheHits: 96,
			vllm.PrefixCacheQueries: 480, firsts: 10, bucket + " 0.1": 2, vllm.RequestTimePerOutputToken + vllm.Sum: 0.1}, lacks: []string{vllm.InterTokenLatency + vllm.Sum, vllm.NumPreemptions}},
		servers.Triton:   {has: map[string]float64{running: 3, waiting: 5, usage: 0.28}, lacks: []string{ended + " any", firsts}},
		servers.LlamaCPP: {has: map[string]float64{running: 3, waiting: 5, usage: 0.28, vllm.PromptTokens: 480, vllm.GenerationTokens: 80, outputs: 80}, lacks: []string{prompts, firsts, ended + " any"}},
		servers.NIM:      {has: map[string]float64{running: 3, waiting: 5, usage: 0.28, vllm.PromptTokens: 480, ended + " any": 10, vllm.InterTokenLatency + vllm.Count: 70}, lacks: []string{vllm.NumPreemptions}},
		servers.Dynamo:   {has: map[string]float64{vllm.GenerationTokens: 80, prompts: 480, ended + " any": 10, firsts: 10, bucket + " 0.1": 2}, lacks: []string{running, waiting, usage}},
		servers.LiteLLM:  {has: map[string]float64{prompts: 480, outputs: 80, ended + " any": 10, firsts: 10}, lacks: []string{running, usage}},
	} {
		t.Run(string(kind), func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "pages", string(kind)+".txt"))
			require.NoError(t, err)
			read := func(page string) (*sampler.Prometheus, map[string]float64) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(page)) }))
				defer server.Close()
				p := &sampler.Prometheus{URL: server.URL + "/metrics", HTTP: server.Client(), Source: "server", Models: []string{"Tiny"}}
				readings, err := p.Read(t.Context())
				require.NoError(t, err)
				got := map[string]float64{}
				for _, r := range readings {
					assert.Equal(t, "server", r.Source, r.Series)
					name := r.Series
					for _, label := range []string{vllm.FinishedReason, "le"} {
						if v := r.Labels[label]; v != "" {
							name += " " + v
						}
					}
					assert.NotContains(t, got, name, "it is there once")
					got[name] = r.Value
				}
				return p, got
			}
			p, got := read(string(raw))
			assert.Equal(t, kind, p.Kind())
			for series, value := range test.has {
				assert.InDelta(t, value, got[series], 1e-9, series)
			}
			for _, series := range test.lacks {
				assert.NotContains(t, got, series)
			}
			p, got = read(string(raw) + "vllm:num_requests_running{model_name=\"tiny\"} 7\n")
			assert.Equal(t, servers.VLLM, p.Kind(), "an engine's own page comes first")
			assert.Equal(t, map[string]float64{running: 7}, got)
		})
	}
}

// TestPrometheus_unknownPage is not read for what it may be.
func TestPrometheus_unknownPage(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("num_requests_running 1\nprompt_tokens_total 5\nsglang:another 1\n"))
	}))
	defer server.Close()
	p := &sampler.Prometheus{URL: server.URL, HTTP: server.Client(), Source: "server"}
	_, err := p.Read(t.Context())
	assert.ErrorContains(t, err, "the page has no metric of vLLM's, or of another server's that is known here")
	assert.Equal(t, servers.Unknown, p.Kind())
}
