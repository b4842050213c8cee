package responses_test

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
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/responses"
)

func clientOf(a wiretest.Server) *openai.Typed {
	return responses.New(&openai.Client{Endpoint: client.Endpoint{URL: "http://test", Transport: a}, Model: "tiny", AtOnce: a.AtOnce()})
}

func outcomeOf(c harness.Client) wiretest.Outcome { return wiretest.Ask(c, wiretest.Hello()) }

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
func recorded(t *testing.T, name, kind string) wiretest.Server {
	t.Helper()
	raw, err := os.ReadFile("../../fixtures/recordings/0.32.0/" + name + ".txt")
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	return wiretest.Server{Kind: kind, Body: body}
}

func TestRead_ofARealServer(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 22, OutputTokens: 4, CachedTokens: 0, ReasoningTokens: 0, TotalTokens: 26}
	assert.Equal(t, wiretest.Outcome{Text: "nvbzkybznbr", Finish: "length", ID: "resp_afcee967e680896b", Model: "tiny", Pieces: 4, Usage: counts},
		outcomeOf(clientOf(recorded(t, "responses", "text/event-stream"))))
	assert.Equal(t, wiretest.Outcome{Text: "cksrjjnubcq", Finish: "length", ID: "resp_9802756d01d68636", Model: "tiny", Pieces: 1, Usage: counts},
		outcomeOf(clientOf(recorded(t, "responses-whole", "application/json"))))
}

func TestRead_knowsEveryKindOfContent(t *testing.T) {
	counts := &harness.Usage{PromptTokens: 23, OutputTokens: 4, CachedTokens: 16, ReasoningTokens: 2, TotalTokens: 27}
	whole := wiretest.Outcome{Finish: "stop", ID: "resp_1", Model: "tiny", Usage: counts}
	thought := whole
	thought.Reasoning, thought.Text, thought.Pieces = "Hm. So", "Red fox", 4
	called := whole
	called.Text, called.Call, called.Finish, called.Pieces = "", `weather{"city":"Ulm"}`, "tool_calls", 3
	refused := whole
	refused.Refusal, refused.Pieces = "I can't", 1
	short := whole
	short.Text, short.Finish, short.Pieces = "Red", "length", 1
	for name, c := range map[string]struct {
		events []string
		want   wiretest.Outcome
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
		assert.Equal(t, c.want, outcomeOf(clientOf(wiretest.Streamed(events(c.events...)))), name)
	}
}

func TestFailure_hasItsName(t *testing.T) {
	for name, c := range map[string]struct {
		answer  wiretest.Server
		failure harness.Failure
		says    string
	}{
		"an error event":         {wiretest.Streamed(events(created, red, `{"type":"error","code":"overloaded","message":"too many","param":null}`)), harness.ErrorInStream, "too many"},
		"vLLM's error":           {wiretest.Streamed(events(created, red) + "data: {\"error\":{\"message\":\"the engine died\",\"code\":500}}\n\n"), harness.ErrorInStream, "the engine died"},
		"a failed response":      {wiretest.Streamed(events(created, red, `{"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":"server_error","message":"out of blocks"}}}`)), harness.ErrorInStream, "out of blocks"},
		"cut short":              {wiretest.Streamed(events(created, red)), harness.CutShort, "without response.completed"},
		"cut in an event":        {wiretest.Streamed(events(created, red) + "event: response.completed\ndata: {\"respo"), harness.CutShort, "in the middle of an event"},
		"[DONE] is no end":       {wiretest.Streamed(events(created, red) + "data: [DONE]\n\n"), harness.CutShort, "without response.completed"},
		"no JSON":                {wiretest.Streamed("event: response.output_text.delta\ndata: {oops\n\n"), harness.Malformed, "not JSON"},
		"nothing":                {wiretest.Streamed(""), harness.CutShort, "without response.completed"},
		"a page":                 {wiretest.Server{Kind: "text/html", Body: "<html><title>Sign in</title></html>"}, harness.Malformed, "Sign in"},
		"no status":              {wiretest.Streamed(events(created, red, `{"type":"response.completed","response":{"id":"r"}}`)), harness.Malformed, "no status"},
		"in one piece, unasked":  {wiretest.Server{Kind: "application/json; charset=utf-8", Body: `{"id":"r","object":"response","status":"completed","output":[]}`}, harness.Malformed, "without streaming"},
		"a refused request":      {wiretest.Server{Kind: "application/json", Status: 400, Body: `{"error":{"message":"no such model"}}`}, harness.HTTPFailure(400), "no such model"},
		"streamed, unasked":      {wiretest.Server{Kind: "application/json", Body: "event: x\ndata: {}\n\n"}, harness.Malformed, "not JSON"},
		"a failed one, whole":    {wiretest.InOnePiece(`{"id":"r","status":"failed","output":[],"error":{"message":"out of blocks"}}`), harness.ErrorInStream, "out of blocks"},
		"something else, whole":  {wiretest.InOnePiece(`{"object":"list"}`), harness.Malformed, "no response"},
		"half of one":            {wiretest.InOnePiece(`{"id":"r","status":"compl`), harness.Malformed, "not JSON"},
		"an empty body, whole":   {wiretest.InOnePiece(""), harness.Malformed, "empty body"},
		"deeper than any answer": {wiretest.Streamed("data: " + strings.Repeat("[", 5000) + "\n\n"), harness.Malformed, "nests more than"},
	} {
		got := outcomeOf(clientOf(c.answer))
		assert.Equal(t, c.failure, got.Failure, name)
		assert.Contains(t, got.Says, c.says, name)
	}
}

// TestRead_isNeverWholeBeforeItsEnd cuts a real stream after every byte.
func TestRead_isNeverWholeBeforeItsEnd(t *testing.T) {
	stream := recorded(t, "responses", "text/event-stream")
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
	once := recorded(t, "responses-whole", "application/json")
	for cut := range len(once.Body) {
		require.NotEmpty(t, outcomeOf(clientOf(wiretest.InOnePiece(once.Body[:cut]))).Failure, "cut after %d bytes of %d", cut, len(once.Body))
	}
}

func TestRead_remarksOnNumbersThatAreMissing(t *testing.T) {
	whole := events(created, red, fox, red, fox, red, limited)
	c := clientOf(wiretest.Streamed(whole))
	require.Empty(t, outcomeOf(c).Failure)
	assert.Empty(t, c.Remarks())
	parts := strings.SplitAfter(whole, "\n\n")
	c = clientOf(wiretest.Streamed(strings.Join(append(parts[:4:4], parts[5:]...), "")))
	require.Empty(t, outcomeOf(c).Failure)
	require.Len(t, c.Remarks(), 1)
	c = clientOf(wiretest.Server{Kind: "text/plain", Body: whole})
	require.Empty(t, outcomeOf(c).Failure)
	require.Len(t, c.Remarks(), 1, "the label")
}
