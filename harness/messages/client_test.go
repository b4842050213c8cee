package messages_test

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
	"github.com/vllmspec/vllmspec/harness/messages"
	"github.com/vllmspec/vllmspec/harness/openai"
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

func clientOf(a answering) *messages.Client {
	return &messages.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: a}, Model: "tiny", AtOnce: a.kind == "application/json"}}
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

// events are a stream of events.
func events(all ...string) string {
	var out strings.Builder
	for _, data := range all {
		var of struct{ Type string }
		if err := json.Unmarshal([]byte(data), &of); err != nil {
			panic(err)
		}
		fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", of.Type, data)
	}
	return out.String()
}

const (
	start = `{"type":"message_start","message":{"id":"m-1","type":"message","role":"assistant","content":[],"model":"tiny","stop_reason":null,"usage":{"input_tokens":7,"output_tokens":0}}}`
	block = `{"type":"content_block_start","content_block":{"type":"text","text":""},"index":0}`
	red   = `{"type":"content_block_delta","delta":{"type":"text_delta","text":"Red"},"index":0}`
	fox   = `{"type":"content_block_delta","delta":{"type":"text_delta","text":" fox"},"index":0}`
	shut  = `{"type":"content_block_stop","index":0}`
	delta = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":2,"output_tokens":4,"cache_read_input_tokens":16,"cache_creation_input_tokens":5}}`
	stop  = `{"type":"message_stop"}`
)

var counts = &harness.Usage{PromptTokens: 23, OutputTokens: 4, CachedTokens: 16, ReasoningTokens: harness.Unreported, TotalTokens: harness.Unreported}

// recorded is what a real vLLM answered.
func recorded(t *testing.T, name, kind string) answering {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/" + name + ".txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	return answering{kind: kind, body: body}
}

func TestRead_ofARealServer(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 21, OutputTokens: 4, CachedTokens: 0, ReasoningTokens: harness.Unreported, TotalTokens: harness.Unreported}
	assert.Equal(t, outcome{text: "oiq mjx waq tlb", finish: "length", id: "chatcmpl-953fa2230c2c12a2", model: "tiny", pieces: 4, usage: counts},
		outcomeOf(clientOf(recorded(t, "messages", "text/event-stream"))))
	assert.Equal(t, outcome{text: "ycbukjcroubc", finish: "length", id: "chatcmpl-95edf21142772ae4", model: "tiny", pieces: 1, usage: counts},
		outcomeOf(clientOf(recorded(t, "messages-whole", "application/json"))))
}

func TestRead_knowsEveryKindOfContent(t *testing.T) {
	whole := outcome{text: "Red fox", finish: "stop", id: "m-1", model: "tiny", pieces: 2, usage: counts}
	thought := whole
	thought.reasoning, thought.pieces = "Hm. So", 4
	called := whole
	called.text, called.call, called.finish, called.pieces = "", `weather{"city":"Ulm"}`, "tool_calls", 3
	refused := whole
	refused.finish = "refusal"
	silent := whole
	silent.usage = nil
	for name, c := range map[string]struct {
		events []string
		want   outcome
	}{
		"text": {[]string{start, block, red, fox, shut, delta, stop}, whole},
		"thinking": {[]string{start, `{"type":"content_block_start","content_block":{"type":"thinking","thinking":""},"index":0}`, `{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm."},"index":0}`,
			`{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":" So"},"index":0}`, `{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"ab"},"index":0}`, shut, block, red, fox, shut, delta, stop}, thought},
		"a call": {[]string{start, `{"type":"content_block_start","content_block":{"type":"tool_use","id":"c","name":"weather","input":{}},"index":0}`, `{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"city\":"},"index":0}`,
			`{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"\"Ulm\"}"},"index":0}`, shut, strings.Replace(delta, "end_turn", "tool_use", 1), stop}, called},
		"pings and events of the future": {[]string{start, `{"type":"ping"}`, block, red, `{"type":"telepathy_delta","text":"Hm"}`, fox, shut, delta, stop}, whole},
		"a refusal":                      {[]string{start, block, red, fox, shut, strings.Replace(delta, "end_turn", "refusal", 1), stop}, refused},
		"no usage":                       {[]string{start, block, red, fox, shut, `{"type":"message_delta","delta":{"stop_reason":"stop_sequence"}}`, stop}, silent},
		"what follows the end":           {[]string{start, block, red, fox, shut, delta, stop, `{"type":"error","error":{"message":"no"}}`}, whole},
	} {
		assert.Equal(t, c.want, outcomeOf(clientOf(streamed(events(c.events...)))), name)
	}
	assert.Equal(t, thought.text, outcomeOf(clientOf(streamed(events(start, red, fox, delta, stop)+"data: [DONE]\n\n"))).text, "older versions of vLLM send it too")
	once := outcomeOf(clientOf(inOnePiece(`{"id":"m-1","model":"tiny","content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"Red"},{"type":"tool_use","name":"weather","input":{"city":"Ulm"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":2}}`)))
	assert.Equal(t, "Hm Red weather{\"city\":\"Ulm\"} tool_calls", once.reasoning+" "+once.text+" "+once.call+" "+once.finish)
	assert.Equal(t, 3, once.usage.PromptTokens)
}

func TestFailure_hasItsName(t *testing.T) {
	for name, c := range map[string]struct {
		answer  answering
		failure harness.Failure
		says    string
	}{
		"an error event":         {streamed(events(start, block, red, `{"type":"error","error":{"type":"internal_error","message":"the engine died"}}`)), harness.ErrorInStream, "the engine died"},
		"an error without type":  {streamed(events(start, red) + "data: {\"error\":{\"message\":\"the engine died\",\"code\":500}}\n\n"), harness.ErrorInStream, "the engine died"},
		"cut short":              {streamed(events(start, block, red)), harness.CutShort, "without message_stop"},
		"a reason and no end":    {streamed(events(start, block, red, shut, delta)), harness.CutShort, "without message_stop"},
		"an end and no reason":   {streamed(events(start, block, red, shut, stop)), harness.CutShort, "without a stop_reason"},
		"no reason in the delta": {streamed(events(start, red, `{"type":"message_delta","delta":{"stop_reason":null}}`, stop)), harness.CutShort, "without a stop_reason"},
		"cut in an event":        {streamed(events(start, block, red) + "event: message_stop\ndata: {\"ty"), harness.CutShort, "in the middle of an event"},
		"no JSON":                {streamed("event: content_block_delta\ndata: {oops\n\n"), harness.Malformed, "not JSON"},
		"nothing":                {streamed(""), harness.CutShort, "without message_stop"},
		"a page":                 {answering{kind: "text/html", body: "<html><title>Sign in</title></html>"}, harness.Malformed, "Sign in"},
		"in one piece, unasked":  {answering{kind: "application/json; charset=utf-8", body: `{"id":"r","type":"message","content":[],"stop_reason":"end_turn"}`}, harness.Malformed, "without streaming"},
		"a refused request":      {answering{kind: "application/json", status: 404, body: `{"type":"error","error":{"type":"NotFoundError","message":"no such model"}}`}, harness.HTTPFailure(404), "no such model"},
		"an error, whole":        {inOnePiece(`{"type":"error","error":{"type":"internal_error","message":"out of blocks"}}`), harness.ErrorInStream, "out of blocks"},
		"no reason, whole":       {inOnePiece(`{"id":"r","content":[{"type":"text","text":"a"}],"stop_reason":null}`), harness.CutShort, "no stop_reason"},
		"something else, whole":  {inOnePiece(`{"object":"list"}`), harness.Malformed, "no message"},
		"half of one":            {inOnePiece(`{"id":"r","content`), harness.Malformed, "not JSON"},
		"deeper than any answer": {streamed("data: " + strings.Repeat("[", 5000) + "\n\n"), harness.Malformed, "nests more than"},
	} {
		got := outcomeOf(clientOf(c.answer))
		assert.Equal(t, c.failure, got.failure, name)
		assert.Contains(t, got.says, c.says, name)
	}
}

// TestRead_isNeverWholeBeforeItsEnd cuts a real stream after every byte.
func TestRead_isNeverWholeBeforeItsEnd(t *testing.T) {
	stream := recorded(t, "messages", "text/event-stream")
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
	once := recorded(t, "messages-whole", "application/json")
	for cut := range len(once.body) {
		require.NotEmpty(t, outcomeOf(clientOf(inOnePiece(once.body[:cut]))).failure, "cut after %d bytes of %d", cut, len(once.body))
	}
}
