package generate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/generate"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// An answering transport gives every request one answer, and keeps what was asked.
type answering struct {
	kind, body string
	status     int // 0: 200
	asked      *string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.asked != nil {
		raw, _ := io.ReadAll(r.Body)
		*a.asked = r.URL.Path + " " + string(raw)
	}
	return &http.Response{StatusCode: max(a.status, 200), Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

const stream, whole = "text/event-stream; charset=utf-8", "application/json"

func clientOf(a answering) *generate.Client {
	return &generate.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: a}, Model: "tiny", AtOnce: a.kind == whole}}
}

var hello = harness.Prompt{TokenIDs: []int{2000, 2001, 2002}, MaxTokens: 4, IgnoreEOS: true}

// An outcome is what became of an answer.
type outcome struct {
	text, finish, id string
	pieces, tokens   int
	usage            *harness.Usage
	failure          harness.Failure
	says             string
}

func outcomeOf(t *testing.T, a answering) (o outcome) {
	t.Helper()
	for chunk, err := range clientOf(a).Ask(t.Context(), hello) {
		if err != nil {
			var asked *harness.AskError
			require.ErrorAs(t, err, &asked)
			o.failure, o.says = asked.Failure, asked.Err.Error()
			return o
		}
		if chunk.Content() {
			o.pieces++
			o.tokens += chunk.Tokens
		}
		o.text += chunk.Text
		if chunk.Finish != "" {
			o.finish = chunk.Finish
		}
		if chunk.Usage != nil {
			o.usage = chunk.Usage
		}
		if chunk.RequestID != "" {
			o.id = chunk.RequestID
		}
	}
	return o
}

const (
	one     = `data: {"request_id":"generate-tokens-1","choices":[{"index":0,"logprobs":null,"finish_reason":null,"token_ids":[700]}],"usage":null}` + "\n\n"
	two     = `data: {"request_id":"generate-tokens-1","choices":[{"index":0,"logprobs":null,"finish_reason":null,"token_ids":[701,702]}],"usage":null}` + "\n\n"
	last    = `data: {"request_id":"generate-tokens-1","choices":[{"index":0,"logprobs":null,"finish_reason":"length","token_ids":[703]}],"usage":null}` + "\n\n"
	counted = `data: {"request_id":"generate-tokens-1","choices":[],"usage":{"prompt_tokens":3,"total_tokens":7,"completion_tokens":4}}` + "\n\n"
	done    = "data: [DONE]\n\n"
)

func TestClient_readsTokenIDsAsTheyCome(t *testing.T) {
	o := outcomeOf(t, answering{kind: stream, body: one + two + last + counted + done})
	assert.Equal(t, outcome{text: "[700][701,702][703]", finish: "length", id: "generate-tokens-1", pieces: 3, tokens: 4, usage: o.usage}, o)
	require.NotNil(t, o.usage)
	assert.Equal(t, []int{3, 4}, []int{o.usage.PromptTokens, o.usage.OutputTokens})
}

func TestClient_whatIsNotWholeFails(t *testing.T) {
	for name, c := range map[string]struct {
		body    answering
		failure harness.Failure
		says    string
	}{
		"cut short":       {answering{kind: stream, body: one + two}, harness.CutShort, "without a finish reason"},
		"only done":       {answering{kind: stream, body: one + done}, harness.CutShort, "without a finish reason"},
		"error in stream": {answering{kind: stream, body: one + `data: {"error":{"message":"the engine died","code":500}}` + "\n\n" + done}, harness.ErrorInStream, "the engine died"},
		"no finish":       {answering{kind: whole, body: `{"request_id":"1","choices":[{"index":0,"finish_reason":null,"token_ids":[1]}]}`}, harness.CutShort, "no finish reason"},
		"no answer":       {answering{kind: whole, body: `{"request_id":"1"}`}, harness.Malformed, "it has no choices"},
		"unknown model":   {answering{kind: whole, status: 404, body: `{"error":{"message":"The model does not exist."}}`}, harness.HTTPFailure(404), "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			o := outcomeOf(t, c.body)
			assert.Equal(t, c.failure, o.failure)
			assert.Contains(t, o.says, c.says)
		})
	}
}

func TestClient_saysWhatIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		prompt harness.Prompt
		body   string
	}{
		"exact": {hello, `{"model":"tiny","token_ids":[2000,2001,2002],"sampling_params":{"max_tokens":4,"min_tokens":4,"ignore_eos":true},"stream":true,"stream_options":{"include_usage":true}}`},
		"a further": {harness.Prompt{TokenIDs: []int{1}, Model: "adapter", Priority: 2, CacheSalt: "run", MinTokens: 3, Extra: map[string]json.RawMessage{"temperature": json.RawMessage("0"), "stream_options": json.RawMessage("{}")}},
			`{"model":"adapter","token_ids":[1],"sampling_params":{"min_tokens":3,"temperature":0},"stream":true,"stream_options":{"include_usage":true},"cache_salt":"run","priority":2}`},
	} {
		t.Run(name, func(t *testing.T) {
			var asked string
			c0 := clientOf(answering{kind: stream, body: one + last + done, asked: &asked})
			for _, err := range c0.Ask(t.Context(), c0.Prepare(c.prompt)) {
				require.NoError(t, err)
			}
			path, body, _ := strings.Cut(asked, " ")
			assert.Equal(t, generate.Path, path)
			assert.JSONEq(t, c.body, body)
		})
	}
}

func TestLacks_whatHasNoTokenIDs(t *testing.T) {
	assert.NoError(t, generate.Lacks(hello))
	assert.ErrorContains(t, generate.Lacks(harness.Prompt{Text: "a fox"}), "ask prompts of a length")
	shows := harness.Prompt{TokenIDs: []int{1}, Media: []harness.Medium{{Kind: harness.Image, Width: 64, Height: 64}}}
	assert.EqualError(t, generate.Lacks(shows), `images cannot be sent over "generate", which takes token ids; leave out over what it is asked: prompts with images are chats then`)
}

// TestRecorded_cutAnywhere reads what a real vLLM answered: its stream cut after every byte is never whole.
func TestRecorded_cutAnywhere(t *testing.T) {
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/generate.txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	o := outcomeOf(t, answering{kind: stream, body: body})
	assert.Equal(t, "length", o.finish)
	assert.Equal(t, 4, o.tokens)
	require.NotNil(t, o.usage)
	assert.Equal(t, 4, o.usage.OutputTokens)
	end := strings.Index(body, `"finish_reason":"length"`)
	require.Positive(t, end)
	for n := range end {
		o := outcomeOf(t, answering{kind: stream, body: body[:n]})
		require.NotEmpty(t, o.failure, "cut after %d bytes", n)
	}
}
