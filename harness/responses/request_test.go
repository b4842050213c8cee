package responses_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
	"github.com/vllmspec/vllmspec/harness/responses"
)

func TestRequest_saysWhatAChatSays(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	for name, c := range map[string]struct {
		prompt harness.Prompt
		want   string
	}{
		"a conversation": {harness.Prompt{Messages: []harness.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello"}, {Role: "user", Content: "Bye"}},
			MaxTokens: 7, IgnoreEOS: true, Priority: 2, CacheSalt: "s", Model: "lora"},
			`{"model":"lora","stream":true,"store":false,"max_output_tokens":7,"ignore_eos":true,"priority":2,"cache_salt":"s",
			"input":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}]}`},
		"a text": {harness.Prompt{Text: "Hi"}, `{"model":"tiny","stream":true,"store":false,"input":[{"role":"user","content":"Hi"}]}`},
		"a call and its result": {harness.Prompt{Messages: []harness.Message{
			{Role: "user", Whole: raw(`{"role":"user","content":[{"type":"text","text":"Where?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}`)},
			{Role: "assistant", Whole: raw(`{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"a\":1}"}}]}`)},
			{Role: "tool", Whole: raw(`{"role":"tool","tool_call_id":"c1","content":"Ulm"}`)}}},
			`{"model":"tiny","stream":true,"store":false,"input":[
			{"type":"message","role":"user","content":[{"type":"input_text","text":"Where?"},{"type":"input_image","image_url":"data:image/png;base64,AA==","detail":"auto"}]},
			{"type":"function_call","call_id":"c1","name":"find","arguments":"{\"a\":1}"},
			{"type":"function_call_output","call_id":"c1","output":"Ulm"}]}`},
		"fields of chats": {harness.Prompt{Text: "Hi", Extra: map[string]json.RawMessage{
			"tools":            raw(`[{"type":"function","function":{"name":"find","parameters":{"type":"object"}}}]`),
			"tool_choice":      raw(`{"type":"function","function":{"name":"find"}}`),
			"reasoning_effort": raw(`"low"`), "temperature": raw(`0.5`), "stream_options": raw(`{"include_usage":true}`), "store": raw(`true`),
			"response_format": raw(`{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}`)}},
			`{"model":"tiny","stream":true,"store":false,"input":[{"role":"user","content":"Hi"}],"temperature":0.5,"reasoning":{"effort":"low"},
			"tools":[{"type":"function","name":"find","parameters":{"type":"object"}}],"tool_choice":{"type":"function","name":"find"},
			"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}}}`},
	} {
		var asked []byte
		a := wiretest.Streamed(events(created, red, done))
		a.Asked = &asked
		co := clientOf(a)
		prepared := co.Prepare(c.prompt)
		for _, err := range co.Ask(t.Context(), prepared) {
			require.NoError(t, err, name)
		}
		assert.JSONEq(t, c.want, string(asked), name)
		assert.Equal(t, len(asked), prepared.Request.Bytes(), name)
	}
}

func TestLacks_saysWhatCannotBeAsked(t *testing.T) {
	require.NoError(t, responses.Lacks(harness.Prompt{IgnoreEOS: true, MinTokens: 4}))
	require.ErrorContains(t, responses.Lacks(harness.Prompt{MinTokens: 4}), "min_tokens")
	require.ErrorContains(t, responses.Lacks(harness.Prompt{Extra: map[string]json.RawMessage{"n": json.RawMessage("2")}}), "no n")
}

func TestLacks_mediaThatHaveNoField(t *testing.T) {
	shown := func(kind harness.MediumKind) harness.Prompt {
		return harness.Prompt{MaxTokens: 4, Messages: []harness.Message{{Role: "user", Media: []harness.Medium{{Kind: kind}}}}}
	}
	require.NoError(t, responses.Lacks(shown(harness.Image)))
	require.ErrorContains(t, responses.Lacks(shown(harness.Video)), `videos cannot be sent over "responses", which takes text and images`)
	require.ErrorContains(t, responses.Lacks(harness.Prompt{MaxTokens: 4, Media: []harness.Medium{{Kind: harness.Clip}}}), `clips cannot be sent over "responses"`)
}
