package servers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

func TestRecognise_byWhatAServerShows(t *testing.T) {
	t.Parallel()
	header := func(name, value string) http.Header { return http.Header{http.CanonicalHeaderKey(name): {value}} }
	for want, seen := range map[servers.Kind][]servers.Seen{
		servers.VLLM:        {{Owners: []string{"vllm"}}, {Owners: []string{"vllm"}, Header: header("Apim-Request-Id", "1")}},
		servers.SGLang:      {{Owners: []string{"sglang"}}},
		servers.TensorRT:    {{Owners: []string{"tensorrt_llm"}}},
		servers.Triton:      {{Owners: []string{"Triton Inference Server"}}},
		servers.LlamaCPP:    {{Owners: []string{"llamacpp"}}, {Header: header("Server", "llama.cpp")}},
		servers.Ollama:      {{Owners: []string{"library"}}},
		servers.LiteLLM:     {{Owners: []string{"openai"}, Header: header("x-litellm-version", "1.80.0")}},
		servers.OpenAI:      {{Host: "api.openai.com"}, {Header: header("openai-version", "2020-10-01")}},
		servers.AzureOpenAI: {{Host: "MINE.openai.azure.com"}, {Header: header("apim-request-id", "1")}},
		servers.Bedrock:     {{Host: "bedrock-runtime.us-west-2.amazonaws.com"}},
		servers.Unknown:     {{}, {Owners: []string{"openai", "me"}, Header: header("Server", "uvicorn")}, {Host: "openai.azure.com.example"}},
	} {
		for _, s := range seen {
			assert.Equal(t, want, servers.Recognise(s).Kind, "%+v", s)
		}
	}
}

// TestAll_namesAreVLLMs holds the table's right side to names that the harness has.
func TestAll_namesAreVLLMs(t *testing.T) {
	t.Parallel()
	kinds := map[servers.Kind]bool{}
	for _, s := range servers.All() {
		assert.False(t, kinds[s.Kind], "%s stands there once", s.Kind)
		kinds[s.Kind] = true
		assert.Equal(t, s.Kind, servers.Of(s.Kind).Kind)
		assert.NotEmpty(t, s.Name)
		assert.NotEqual(t, s.Metrics.None, s.Metrics.Path != "", "%s has a page or none", s.Name)
		assert.Equal(t, s.Metrics.Series == nil, s.Metrics.Prefixes == nil, s.Name)
		names := map[string]bool{}
		for _, row := range s.Metrics.Series {
			key := row.Name + row.Value
			assert.False(t, names[key], "%s: %s stands there once", s.Name, key)
			names[key] = true
			assert.NotEmpty(t, row.As, row.Name)
			for _, as := range row.As {
				assert.True(t, vllm.IsSeries(as) && vllm.CurrentSeries(as) == as && vllm.RemovedSeries(as) == "", as)
				assert.Equal(t, row.Buckets, strings.HasSuffix(as, "_seconds"), "%s: a histogram is one of seconds", as)
			}
		}
	}
	assert.Equal(t, servers.Unknown, servers.Of("another").Kind)
}

func TestPath_belowAddressesThatHoldTheVersion(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"http://a":                          "/v1/chat/completions",
		"http://a/openai":                   "/v1/chat/completions",
		"https://a/openai/deployments/mine": "/chat/completions",
		"https://a/v1beta/openai/":          "/chat/completions",
		"https://a/v1/projects/p/locations/l/endpoints/openapi": "/chat/completions",
		"https://a/serving-endpoints":                           "/chat/completions",
	} {
		assert.Equal(t, want, servers.Path(base, "/v1/chat/completions"), base)
		assert.Equal(t, "/health", servers.Path(base, "/health"))
	}
	assert.Equal(t, "mine", servers.Deployment("https://a.openai.azure.com/openai/deployments/mine?api-version=2024-10-21"))
	assert.Empty(t, servers.Deployment("https://a.openai.azure.com/openai"))
	assert.Empty(t, servers.Deployment("http://%"))
}
