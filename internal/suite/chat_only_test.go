package suite_test

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// without is a gateway before a server that has all of its paths but some.
func without(t *testing.T, server string, paths ...string) string {
	t.Helper()
	through := &http.Transport{}
	t.Cleanup(through.CloseIdleConnections)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil || slices.Contains(paths, r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		on, err := http.NewRequestWithContext(r.Context(), r.Method, server+r.URL.RequestURI(), bytes.NewReader(asked))
		if err != nil {
			panic(err)
		}
		on.Header = r.Header.Clone()
		answer, err := through.RoundTrip(on)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		for piece := make([]byte, 4<<10); err == nil; {
			var n int
			n, err = answer.Body.Read(piece)
			w.Write(piece[:n])
			http.NewResponseController(w).Flush()
		}
		if err != io.EOF {
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(gateway.Close)
	return gateway.URL
}

func TestPrompts_ofALengthWhereAServerOnlyChats(t *testing.T) {
	t.Parallel()
	for name, paths := range map[string][]string{
		"it tokenizes":            {"/v1/completions"},
		"its usage is all it has": {"/v1/completions", "/tokenize", "/metrics", "/server_info", "/version"},
	} {
		t.Run(name, func(t *testing.T) {
			r := feature(t, guest("llama-3.1-8b", "prompts of 256 to 512 tokens are answered in 8 tokens", "20", "40 requests", `      | mean input tokens | between 256 and 512 |
      | max input tokens  | at most 512         |
      | error rate        | none                |
`), "VLLM_URL="+without(t, mockedFor(t), paths...))
			assert.True(t, r.passed, r.output)
			assert.Contains(t, r.output, "warning: the server has no /v1/completions: prompts are asked as chats, with its chat template around them")
		})
	}
	t.Run("too short for its template", func(t *testing.T) {
		r := feature(t, guest("llama-3.1-8b", "prompts of 4 tokens are answered in 8 tokens", "20", "40 requests", ""), "VLLM_URL="+without(t, mockedFor(t), "/v1/completions"))
		assert.False(t, r.passed)
		assert.Contains(t, r.output, "prompts of 4 tokens cannot be asked as chats of llama-3.1-8b: with its chat template the shortest has")
	})
	t.Run("another interface", func(t *testing.T) {
		r := feature(t, guest("llama-3.1-8b", "prompts of 64 tokens are answered in 8 tokens\n    And it is asked over \"chats\"", "20", "40 requests", ""))
		assert.False(t, r.passed)
		assert.Contains(t, r.output, `"chats" is no interface that can be asked for; did you mean "chat"?`)
	})
}
