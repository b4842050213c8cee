package messages_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
	"github.com/vllmspec/vllmspec/harness/messages"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func clientOf(a wiretest.Server) *openai.Typed {
	return messages.New(&openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: a}, Model: "tiny", AtOnce: a.AtOnce()})
}

func outcomeOf(c harness.Client) wiretest.Outcome { return wiretest.Ask(c, wiretest.Hello()) }

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
func recorded(t *testing.T, name, kind string) wiretest.Server {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/" + name + ".txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	return wiretest.Server{Kind: kind, Body: body}
}

func TestRead_ofARealServer(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 21, OutputTokens: 4, CachedTokens: 0, ReasoningTokens: harness.Unreported, TotalTokens: harness.Unreported}
	assert.Equal(t, wiretest.Outcome{Text: "oiq mjx waq tlb", Finish: "length", ID: "chatcmpl-953fa2230c2c12a2", Model: "tiny", Pieces: 4, Usage: counts},
		outcomeOf(clientOf(recorded(t, "messages", "text/event-stream"))))
	assert.Equal(t, wiretest.Outcome{Text: "ycbukjcroubc", Finish: "length", ID: "chatcmpl-95edf21142772ae4", Model: "tiny", Pieces: 1, Usage: counts},
		outcomeOf(clientOf(recorded(t, "messages-whole", "application/json"))))
}

func TestRead_knowsEveryKindOfContent(t *testing.T) {
	whole := wiretest.Outcome{Text: "Red fox", Finish: "stop", ID: "m-1", Model: "tiny", Pieces: 2, Usage: counts}
	thought := whole
	thought.Reasoning, thought.Pieces = "Hm. So", 4
	called := whole
	called.Text, called.Call, called.Finish, called.Pieces = "", `weather{"city":"Ulm"}`, "tool_calls", 3
	refused := whole
	refused.Finish = "refusal"
	silent := whole
	silent.Usage = nil
	for name, c := range map[string]struct {
		events []string
		want   wiretest.Outcome
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
		assert.Equal(t, c.want, outcomeOf(clientOf(wiretest.Streamed(events(c.events...)))), name)
	}
	assert.Equal(t, thought.Text, outcomeOf(clientOf(wiretest.Streamed(events(start, red, fox, delta, stop)+"data: [DONE]\n\n"))).Text, "older versions of vLLM send it too")
	once := outcomeOf(clientOf(wiretest.InOnePiece(`{"id":"m-1","model":"tiny","content":[{"type":"thinking","thinking":"Hm"},{"type":"text","text":"Red"},{"type":"tool_use","name":"weather","input":{"city":"Ulm"}}],"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":2}}`)))
	assert.Equal(t, "Hm Red weather{\"city\":\"Ulm\"} tool_calls", once.Reasoning+" "+once.Text+" "+once.Call+" "+once.Finish)
	assert.Equal(t, 3, once.Usage.PromptTokens)
}

func TestFailure_hasItsName(t *testing.T) {
	for name, c := range map[string]struct {
		answer  wiretest.Server
		failure harness.Failure
		says    string
	}{
		"an error event":         {wiretest.Streamed(events(start, block, red, `{"type":"error","error":{"type":"internal_error","message":"the engine died"}}`)), harness.ErrorInStream, "the engine died"},
		"an error without type":  {wiretest.Streamed(events(start, red) + "data: {\"error\":{\"message\":\"the engine died\",\"code\":500}}\n\n"), harness.ErrorInStream, "the engine died"},
		"cut short":              {wiretest.Streamed(events(start, block, red)), harness.CutShort, "without message_stop"},
		"a reason and no end":    {wiretest.Streamed(events(start, block, red, shut, delta)), harness.CutShort, "without message_stop"},
		"an end and no reason":   {wiretest.Streamed(events(start, block, red, shut, stop)), harness.CutShort, "without a stop_reason"},
		"no reason in the delta": {wiretest.Streamed(events(start, red, `{"type":"message_delta","delta":{"stop_reason":null}}`, stop)), harness.CutShort, "without a stop_reason"},
		"cut in an event":        {wiretest.Streamed(events(start, block, red) + "event: message_stop\ndata: {\"ty"), harness.CutShort, "in the middle of an event"},
		"no JSON":                {wiretest.Streamed("event: content_block_delta\ndata: {oops\n\n"), harness.Malformed, "not JSON"},
		"nothing":                {wiretest.Streamed(""), harness.CutShort, "without message_stop"},
		"a page":                 {wiretest.Server{Kind: "text/html", Body: "<html><title>Sign in</title></html>"}, harness.Malformed, "Sign in"},
		"in one piece, unasked":  {wiretest.Server{Kind: "application/json; charset=utf-8", Body: `{"id":"r","type":"message","content":[],"stop_reason":"end_turn"}`}, harness.Malformed, "without streaming"},
		"a refused request":      {wiretest.Server{Kind: "application/json", Status: 404, Body: `{"type":"error","error":{"type":"NotFoundError","message":"no such model"}}`}, harness.HTTPFailure(404), "no such model"},
		"an error, whole":        {wiretest.InOnePiece(`{"type":"error","error":{"type":"internal_error","message":"out of blocks"}}`), harness.ErrorInStream, "out of blocks"},
		"no reason, whole":       {wiretest.InOnePiece(`{"id":"r","content":[{"type":"text","text":"a"}],"stop_reason":null}`), harness.CutShort, "no stop_reason"},
		"something else, whole":  {wiretest.InOnePiece(`{"object":"list"}`), harness.Malformed, "no message"},
		"half of one":            {wiretest.InOnePiece(`{"id":"r","content`), harness.Malformed, "not JSON"},
		"deeper than any answer": {wiretest.Streamed("data: " + strings.Repeat("[", 5000) + "\n\n"), harness.Malformed, "nests more than"},
	} {
		got := outcomeOf(clientOf(c.answer))
		assert.Equal(t, c.failure, got.Failure, name)
		assert.Contains(t, got.Says, c.says, name)
	}
}

// TestRead_isNeverWholeBeforeItsEnd cuts a real stream after every byte.
func TestRead_isNeverWholeBeforeItsEnd(t *testing.T) {
	stream := recorded(t, "messages", "text/event-stream")
	end := len(strings.TrimRight(stream.Body, "\n")) // what is missing then ends the event, and says nothing
	whole := outcomeOf(clientOf(stream))
	for cut := range len(stream.Body) {
		got := outcomeOf(clientOf(wiretest.Streamed(stream.Body[:cut])))
		if cut >= end {
			assert.Equal(t, whole, got)
			continue
		}
		require.NotEmpty(t, got.Failure, "cut after %d bytes of %d", cut, len(stream.Body))
		require.True(t, strings.HasPrefix(whole.Text, got.Text), "cut after %d bytes", cut)
	}
	once := recorded(t, "messages-whole", "application/json")
	for cut := range len(once.Body) {
		require.NotEmpty(t, outcomeOf(clientOf(wiretest.InOnePiece(once.Body[:cut]))).Failure, "cut after %d bytes of %d", cut, len(once.Body))
	}
}
