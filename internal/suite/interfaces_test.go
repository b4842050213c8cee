package suite_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// over is a scenario of a guest that is asked over an interface.
func over(workload, rows string) string {
	return guest("llama-3.1-8b", workload, "20", "40 requests", rows)
}

func TestInterfaces_whatCannotBeAskedIsAnErrorBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	const lengths, talks = "prompts of 64 tokens are answered in 8 tokens", "conversations are drawn from \"sharegpt\"\n    And answers are at most 8 tokens long"
	for says, scenario := range map[string]string{
		`"mesages" is no interface that can be asked for; did you mean "messages"?`: over(talks+"\n    And it is asked over \"mesages\"", ""),
		`prompts of a length: prompts of 512 tokens are answered in 128 tokens`:     over(talks+"\n    And it is asked over \"generate\"", ""),
		`texts are not asked over "generate", which takes prompts of a length`:      over("texts of 64 tokens are embedded\n    And it is asked over \"generate\"", ""),
		"messages have no ignore_eos":                                               over(lengths+"\n    And it is asked over \"messages\"", ""),
		"TTFT has no meaning here: its answers come at once":                        over(talks+"\n    And answers come in one piece", "      | p50 TTFT | at most 1 s |\n"),
		`ITL has no meaning over "responses": its answers come at once`:             over(talks+"\n    And it is asked over \"responses\"\n    And answers come in one piece", "      | p50 ITL | at most 1 s |\n"),
		`the answers of "embeddings" come in one piece in any case`:                 over("texts of 64 tokens are embedded\n    And answers come in one piece", ""),
		"prompts or conversations that are answered are not asked over":             over(talks+"\n    And it is asked over \"embeddings\"", ""),
	} {
		r := feature(t, scenario)
		assert.False(t, r.passed, says)
		assert.Contains(t, r.output, says)
	}
}

func TestInterfaces_areAskedOfAServer(t *testing.T) {
	t.Parallel()
	mock := mockedFor(t)
	for _, name := range []string{"responses", "messages"} {
		workload := "conversations are drawn from \"sharegpt\"\n    And answers are at most 8 tokens long\n    And it is asked over \"" + name + "\""
		r := feature(t, over(workload, ""), "VLLM_URL="+mock)
		assert.True(t, r.passed, r.output)
		r = feature(t, over(workload, ""), "VLLM_URL="+without(t, mock, "/v1/"+name))
		assert.False(t, r.passed)
		assert.Contains(t, r.output, `does not serve "`+name+`"`)
		assert.Contains(t, r.output, `it serves "completions", "chat"`)
	}
}

// TestInterfaces_saltsThatAreIgnoredAreFound asks a server that keeps chats with another cache_salt apart, and passes
// over the salts of messages, as older versions of vLLM do.
func TestInterfaces_saltsThatAreIgnoredAreFound(t *testing.T) {
	t.Parallel()
	workload := "conversations are drawn from \"sharegpt\"\n    And answers are at most 8 tokens long\n    And it is asked over \"messages\""
	r := feature(t, over(workload, ""), "VLLM_URL="+unsalted(t, mockedFor(t)))
	assert.True(t, r.passed, r.output)
	assert.Contains(t, r.output, "the server ignores cache_salt")
}

// unsalted is a gateway that takes salts out of messages.
func unsalted(t *testing.T, server string) string {
	t.Helper()
	at, err := url.Parse(server)
	require.NoError(t, err)
	through := httputil.NewSingleHostReverseProxy(at)
	through.FlushInterval = -1
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/messages" {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			body = regexp.MustCompile(`"cache_salt":"[^"]*",`).ReplaceAll(body, nil)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(gateway.Close)
	return gateway.URL
}
