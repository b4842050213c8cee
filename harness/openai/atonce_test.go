package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func atOnceClient(t *testing.T, handler http.HandlerFunc) *openai.Client {
	c := serve(t, handler)
	c.AtOnce = true
	return c
}

func TestAtOnce_answersOfARealServerAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		prompt, output, cached int
		finish                 string
	}{
		"chat-whole":          {21, 4, 0, "length"},
		"chat-logprobs-whole": {21, 4, 0, "length"},
		"chat-stop-whole":     {21, 0, 0, "stop"},
		"ids-cached-whole":    {100, 8, 96, "length"},
		"ids-told-whole":      {5, 3, 0, "length"},
		"text-logprobs-whole": {7, 4, 0, "length"},
	} {
		chunks, err := follow(atOnceClient(t, recorded(t, name)), hello)
		require.NoError(t, err, name)
		require.Len(t, chunks, 2, name)
		whole := chunks[1]
		assert.True(t, whole.AtOnce, name)
		assert.Equal(t, c.finish, whole.Finish, name)
		assert.Equal(t, c.prompt, whole.Usage.PromptTokens, name)
		assert.Equal(t, c.cached, whole.Usage.CachedTokens, name)
		if assert.NotEmpty(t, whole.Text, name); c.output > 0 {
			assert.Equal(t, c.output, whole.Usage.OutputTokens, name)
		}
	}
}

func TestAtOnce_isAskedWithoutAStream(t *testing.T) {
	bodies := make(chan map[string]json.RawMessage, 1)
	c := atOnceClient(t, func(w http.ResponseWriter, r *http.Request) {
		var body map[string]json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&body)
		bodies <- body
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","choices":[{"index":0,"message":{"content":"Red","reasoning":"Hm","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}`)
	})
	c.CountTokens = true
	chunks, err := follow(c, harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hi"}}, Extra: map[string]json.RawMessage{"stream_options": json.RawMessage(`{}`)}})
	require.NoError(t, err)
	asked := <-bodies
	assert.Equal(t, "false", string(asked["stream"]))
	assert.NotContains(t, asked, "stream_options")
	assert.Equal(t, "Red", chunks[1].Text)
	assert.Equal(t, "f{}", chunks[1].Call)
	assert.Equal(t, "Hm", chunks[1].Reasoning)
}

func TestAtOnce_failuresHaveNames(t *testing.T) {
	for body, c := range map[string]struct {
		kind    string
		failure harness.Failure
		says    string
	}{
		`{"choices":[{"text":"a","finish_reason":null}]}`:               {"application/json", harness.CutShort, "finish reason"},
		`{"choices":[{"text":"a","fin`:                                  {"application/json", harness.Malformed, "not JSON"},
		`{"error":{"message":"out of blocks"}}`:                         {"application/json", harness.ErrorInStream, "out of blocks"},
		`{"object":"list"}`:                                             {"application/json", harness.Malformed, "no choices"},
		"data: {\"choices\":[]}\n\n":                                    {"text/event-stream", harness.Malformed, "streamed"},
		"<html>Sign in</html>":                                          {"text/html", harness.Malformed, "Sign in"},
		`{"a":` + strings.Repeat("[", 3000) + `1`:                       {"application/json", harness.Malformed, "nests"},
		`{"choices":[{"text":"a","finish_reason":"stop"}],"error":"x"}`: {"application/json", harness.ErrorInStream, "x"},
	} {
		_, err := follow(atOnceClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = io.WriteString(w, body)
		}), hello)
		var asked *harness.AskError
		require.ErrorAs(t, err, &asked, body)
		assert.Equal(t, c.failure, asked.Failure, body)
		assert.Contains(t, asked.Err.Error(), c.says, body)
	}
}

// TestAtOnce_isNeverWholeBeforeItsEnd cuts a real answer after every byte.
func TestAtOnce_isNeverWholeBeforeItsEnd(t *testing.T) {
	answer := httptest.NewRecorder()
	recorded(t, "chat-whole")(answer, nil)
	body := answer.Body.String()
	for cut := range len(body) + 1 {
		c := clientOf("http://test")
		c.AtOnce, c.Transport = true, asJSON(body[:cut])
		_, err := follow(c, hello)
		require.Equal(t, cut < len(body), err != nil, "cut after %d bytes of %d: %v", cut, len(body), err)
	}
}

type asJSON string

func (s asJSON) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}
