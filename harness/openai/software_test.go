package openai_test

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/servers"
)

// TestPreflight_namesTheSoftware has a server of each kind that a question finds out, and empties its cache.
func TestPreflight_namesTheSoftware(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		owner   string
		header  [2]string
		has     map[string]string // other paths, and what stands there
		kind    servers.Kind
		version string
		empties string // where its cache was emptied; "": nowhere
	}{
		"vLLM":      {owner: "vllm", has: map[string]string{"/version": `{"version":"0.32.0"}`}, kind: servers.VLLM, version: "0.32.0", empties: "/reset_prefix_cache"},
		"SGLang":    {owner: "sglang", has: map[string]string{"/get_server_info": `{"version":"0.5.6","api_key":"x"}`}, kind: servers.SGLang, version: "0.5.6", empties: "/flush_cache"},
		"TGI":       {owner: "tiny", has: map[string]string{"/info": `{"model_id":"tiny","max_client_batch_size":4,"version":"3.3.6"}`}, kind: servers.TGI, version: "3.3.6"},
		"NIM":       {owner: "system", has: map[string]string{"/v1/version": `{"release":"1.14.0","api":"1.0"}`}, kind: servers.NIM, version: "1.14.0"},
		"Ollama":    {owner: "me", has: map[string]string{"/api/tags": `{"models":[]}`, "/api/version": `{"version":"0.13.0"}`}, kind: servers.Ollama, version: "0.13.0"},
		"llama.cpp": {owner: "llamacpp", has: map[string]string{"/props": `{"build_info":"b7200-abc"}`}, kind: servers.LlamaCPP, version: "b7200-abc"},
		"LiteLLM":   {owner: "openai", header: [2]string{"x-litellm-version", "1.80.0"}, kind: servers.LiteLLM, version: "1.80.0"},
		"another":   {owner: "me", has: map[string]string{"/info": `{"model_id":"tiny"}`, "/version": `{"version":"7"}`}, kind: servers.Unknown, version: "7"},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var posted []string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if test.header[0] != "" {
					w.Header().Set(test.header[0], test.header[1])
				}
				switch body, there := test.has[r.URL.Path]; {
				case r.URL.Path == "/v1/models":
					io.WriteString(w, `{"data":[{"id":"tiny","owned_by":"`+test.owner+`"}]}`)
				case r.URL.Path == "/v1/completions":
					stream(red, fox, done)(w, r)
				case r.Method == http.MethodPost:
					mu.Lock()
					defer mu.Unlock()
					posted = append(posted, r.URL.Path)
				case there:
					io.WriteString(w, body)
				default:
					http.NotFound(w, r)
				}
			})
			fleet := openai.NewFleet(c)
			about, err := fleet.Preflight(t.Context(), harness.Prompt{Text: "a", MaxTokens: 1})
			require.NoError(t, err)
			assert.Equal(t, test.kind, about.Software)
			assert.Equal(t, test.version, about.Version)
			mu.Lock()
			posted = nil
			mu.Unlock()
			err = fleet.ResetCache(t.Context())
			mu.Lock()
			defer mu.Unlock()
			if test.empties == "" && test.kind != servers.Unknown {
				assert.ErrorIs(t, err, openai.ErrNoReset)
				assert.Empty(t, posted)
				return
			}
			require.NoError(t, err)
			assert.True(t, test.empties == "" || slices.Equal(posted, []string{test.empties}), posted)
		})
	}
}
