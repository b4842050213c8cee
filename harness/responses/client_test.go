package responses_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/responses"
)

// An answering transport gives every request one answer, and keeps what was asked.
type answering struct {
	kind, body string
	status     int // 0: 200
	asked      *[]byte
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.asked != nil {
		*a.asked, _ = io.ReadAll(r.Body)
	}
	return &http.Response{StatusCode: max(a.status, 200), Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func streamed(body string) answering {
	return answering{kind: "text/event-stream; charset=utf-8", body: body}
}
func inOnePiece(body string) answering { return answering{kind: "application/json", body: body} }

func clientOf(a answering) *responses.Client {
	return &responses.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: a}, Model: "tiny", AtOnce: a.kind == "application/json"}}
}

var hello = harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hello"}}, MaxTokens: 40}

// An outcome is what became of an answer.
type outcome struct {
	text, call, reasoning, refusal, finish, id, model string
	pieces                                            int
	usage                                             *harness.Usage
	failure                                           harness.Failure
	says                                              string
}

func outcomeOf(c harness.Client) outcome { return outcomeOfAsking(c, hello) }

func outcomeOfAsking(c harness.Client, p harness.Prompt) (o outcome) {
	for chunk, err := range c.Ask(context.Background(), p) {
		if err != nil {
			asked := err.(*harness.AskError)
			o.failure, o.says = asked.Failure, asked.Err.Error()
			return o
		}
		if chunk.Content() {
			o.pieces++
		}
		o.text, o.call, o.reasoning, o.refusal = o.text+chunk.Text, o.call+chunk.Call, o.reasoning+chunk.Reasoning, o.refusal+chunk.Refusal
		if chunk.Finish != "" {
			o.finish = chunk.Finish
		}
		if chunk.Usage != nil {
			o.usage = chunk.Usage
		}
		if chunk.RequestID != "" {
			o.id, o.model = chunk.RequestID, chunk.Model
		}
	}
	return o
}

// events are a stream of events, each with its number.
func events(all ...string) string {
	var out strings.Builder
	for i, data := range all {
		var of struct{ Type string }
		if err := json.Unmarshal([]byte(data), &of); err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", of.Type, strings.Replace(data, "{", fmt.Sprintf(`{"sequence_number":%d,`, i), 1))
	}
	return out.String()
}

const (
	created = `{"type":"response.created","response":{"id":"resp_1","model":"tiny","status":"in_progress","output":[],"usage":null}}`
	red     = `{"type":"response.output_text.delta","content_index":0,"delta":"Red","item_id":"msg_1","logprobs":[],"output_index":0}`
	fox     = `{"type":"response.output_text.delta","content_index":0,"delta":" fox","item_id":"msg_1","logprobs":[],"output_index":0}`
	counted = `"usage":{"input_tokens":23,"input_tokens_details":{"cached_tokens":16},"output_tokens":4,"output_tokens_details":{"reasoning_tokens":2},"total_tokens":27}`
	done    = `{"type":"response.completed","response":{"id":"resp_1","model":"tiny","status":"completed","output":[{"type":"message"}],` + counted + `}}`
	limited = `{"type":"response.completed","response":{"id":"resp_1","model":"tiny","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],` + counted + `}}`
)

// recorded is what a real vLLM answered.
func recorded(t *testing.T, name, kind string) answering {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/" + name + ".txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	return answering{kind: kind, body: body}
}

func TestRead_ofARealServer(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 22, OutputTokens: 4, CachedTokens: 0, ReasoningTokens: 0, TotalTokens: 26}
	assert.Equal(t, outcome{text: "nvbzkybznbr", finish: "length", id: "resp_afcee967e680896b", model: "tiny", pieces: 4, usage: counts},
		outcomeOf(clientOf(recorded(t, "responses", "text/event-stream"))))
	assert.Equal(t, outcome{text: "cksrjjnubcq", finish: "length", id: "resp_9802756d01d68636", model: "tiny", pieces: 1, usage: counts},
		outcomeOf(clientOf(recorded(t, "responses-whole", "application/json"))))
}

func TestRead_knowsEveryKindOfContent(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 23, OutputTokens: 4, CachedTokens: 16, ReasoningTokens: 2, TotalTokens: 27}
	whole := outcome{finish: "stop", id: "resp_1", model: "tiny", usage: counts}
	thought := whole
	thought.reasoning, thought.text, thought.pieces = "Hm. So", "Red fox", 4
	called := whole
	called.text, called.call, called.finish, called.pieces = "", `weather{"city":"Ulm"}`, "tool_calls", 3
	refused := whole
	refused.refusal, refused.pieces = "I can't", 1
	short := whole
	short.text, short.finish, short.pieces = "Red", "length", 1
	for name, c := range map[string]struct {
		events []string
		want   outcome
	}{
		"reasoning": {[]string{created, `{"type":"response.reasoning_text.delta","delta":"Hm."}`, `{"type":"response.reasoning_summary_text.delta","delta":" So"}`,
			`{"type":"response.reasoning_text.done","text":"Hm."}`, red, fox, done}, thought},
		"a call": {[]string{created, `{"type":"response.output_item.added","item":{"type":"function_call","name":"weather","arguments":""}}`,
			`{"type":"response.function_call_arguments.delta","delta":"{\"city\":"}`, `{"type":"response.function_call_arguments.delta","delta":"\"Ulm\"}"}`,
			`{"type":"response.function_call_arguments.done","arguments":"{\"city\":\"Ulm\"}"}`, strings.Replace(done, `"message"`, `"function_call"`, 1)}, called},
		"a refusal":                   {[]string{created, `{"type":"response.refusal.delta","delta":"I can't"}`, done}, refused},
		"a limit":                     {[]string{created, red, limited}, short},
		"a limit, as OpenAI calls it": {[]string{created, red, strings.Replace(limited, "response.completed", "response.incomplete", 1)}, short},
		"events of the future":        {[]string{created, `{"type":"response.telepathy.delta","delta":"Hm"}`, red, `{"type":"keepalive"}`, limited}, short},
		"what follows the end":        {[]string{created, red, limited, `{"type":"error","message":"no"}`}, short},
	} {
		assert.Equal(t, c.want, outcomeOf(clientOf(streamed(events(c.events...)))), name)
	}
}

func TestFailure_hasItsName(t *testing.T) {
	for name, c := range map[string]struct {
		answer  answering
		failure harness.Failure
		says    string
	}{
		"an error event":         {streamed(events(created, red, `{"type":"error","code":"overloaded","message":"too many","param":null}`)), harness.ErrorInStream, "too many"},
		"vLLM's error":           {streamed(events(created, red) + "data: {\"error\":{\"message\":\"the engine died\",\"code\":500}}\n\n"), harness.ErrorInStream, "the engine died"},
		"a failed response":      {streamed(events(created, red, `{"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"out of blocks"}}}`)), harness.ErrorInStream, "out of blocks"},
		"cut short":              {streamed(events(created, red)), harness.CutShort, "without response.completed"},
		"cut in an event":        {streamed(events(created, red) + "event: response.completed\ndata: {\"respo"), harness.CutShort, "in the middle of an event"},
		"[DONE] is no end":       {streamed(events(created, red) + "data: [DONE]\n\n"), harness.CutShort, "without response.completed"},
		"no JSON":                {streamed("event: response.output_text.delta\ndata: {oops\n\n"), harness.Malformed, "not JSON"},
		"nothing":                {streamed(""), harness.CutShort, "without response.completed"},
		"a page":                 {answering{kind: "text/html", body: "<html><title>Sign in</title></html>"}, harness.Malformed, "Sign in"},
		"no status":              {streamed(events(created, red, `{"type":"response.completed","response":{"id":"r"}}`)), harness.Malformed, "no status"},
		"in one piece, unasked":  {answering{kind: "application/json; charset=utf-8", body: `{"id":"r","object":"response","status":"completed","output":[]}`}, harness.Malformed, "without streaming"},
		"a refused request":      {answering{kind: "application/json", status: 400, body: `{"error":{"message":"no such model"}}`}, harness.HTTPFailure(400), "no such model"},
		"streamed, unasked":      {answering{kind: "application/json", body: "event: x\ndata: {}\n\n"}, harness.Malformed, "not JSON"},
		"a failed one, whole":    {inOnePiece(`{"id":"r","status":"failed","output":[],"error":{"message":"out of blocks"}}`), harness.ErrorInStream, "out of blocks"},
		"something else, whole":  {inOnePiece(`{"object":"list"}`), harness.Malformed, "no response"},
		"half of one":            {inOnePiece(`{"id":"r","status":"compl`), harness.Malformed, "not JSON"},
		"an empty body, whole":   {inOnePiece(""), harness.Malformed, "empty body"},
		"deeper than any answer": {streamed("data: " + strings.Repeat("[", 5000) + "\n\n"), harness.Malformed, "nests more than"},
	} {
		got := outcomeOf(clientOf(c.answer))
		assert.Equal(t, c.failure, got.failure, name)
		assert.Contains(t, got.says, c.says, name)
	}
}

// TestRead_isNeverWholeBeforeItsEnd cuts a real stream after every byte.
func TestRead_isNeverWholeBeforeItsEnd(t *testing.T) {
	stream := recorded(t, "responses", "text/event-stream")
	end := len(strings.TrimRight(stream.body, "\n")) // what is missing then ends the event, and says nothing
	whole := outcomeOf(clientOf(stream))
	for cut := range len(stream.body) {
		got := outcomeOf(clientOf(streamed(stream.body[:cut])))
		if cut >= end {
			assert.Equal(t, whole, got)
			continue
		}
		require.NotEmpty(t, got.failure, "cut after %d bytes of %d", cut, len(stream.body))
		require.True(t, strings.HasPrefix(whole.text, got.text), "cut after %d bytes", cut)
	}
	once := recorded(t, "responses-whole", "application/json")
	for cut := range len(once.body) {
		require.NotEmpty(t, outcomeOf(clientOf(inOnePiece(once.body[:cut]))).failure, "cut after %d bytes of %d", cut, len(once.body))
	}
}

func TestRead_remarksOnNumbersThatAreMissing(t *testing.T) {
	whole := events(created, red, fox, red, fox, red, limited)
	c := clientOf(streamed(whole))
	require.Empty(t, outcomeOf(c).failure)
	assert.Empty(t, c.Remarks())
	parts := strings.SplitAfter(whole, "\n\n")
	c = clientOf(streamed(strings.Join(append(parts[:4:4], parts[5:]...), "")))
	require.Empty(t, outcomeOf(c).failure)
	require.Len(t, c.Remarks(), 1)
	c = clientOf(answering{kind: "text/plain", body: whole})
	require.Empty(t, outcomeOf(c).failure)
	require.Len(t, c.Remarks(), 1, "the label")
}
