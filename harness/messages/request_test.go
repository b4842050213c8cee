package messages_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
	"github.com/vllmspec/vllmspec/harness/messages"
)

func TestRequest_saysWhatAChatSays(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	for name, c := range map[string]struct {
		prompt harness.Prompt
		want   string
	}{
		"a conversation": {harness.Prompt{Messages: []harness.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Hi"}, {Role: "assistant", Content: "Hello"}, {Role: "user", Content: "Bye"}},
			MaxTokens: 7, CacheSalt: "s", Model: "lora"},
			`{"model":"lora","stream":true,"max_tokens":7,"cache_salt":"s","system":"Be brief.",
			"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Bye"}]}`},
		"a text": {harness.Prompt{Text: "Hi", MaxTokens: 7}, `{"model":"tiny","stream":true,"max_tokens":7,"messages":[{"role":"user","content":"Hi"}]}`},
		"a call and its result": {harness.Prompt{MaxTokens: 7, Messages: []harness.Message{
			{Role: "user", Whole: raw(`{"role":"user","content":[{"type":"text","text":"Where?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},{"type":"image_url","image_url":{"url":"http://a/b.png"}}]}`)},
			{Role: "assistant", Whole: raw(`{"role":"assistant","content":"","reasoning":"Hm","tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"a\":1}"}}]}`)},
			{Role: "tool", Whole: raw(`{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"Ulm"}]}`)}}},
			`{"model":"tiny","stream":true,"max_tokens":7,"messages":[
			{"role":"user","content":[{"type":"text","text":"Where?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},{"type":"image","source":{"type":"url","url":"http://a/b.png"}}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"Hm","signature":""},{"type":"tool_use","id":"c1","name":"find","input":{"a":1}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"Ulm"}]}]}`},
		"images of a system prompt and of a result": {harness.Prompt{MaxTokens: 7, Messages: []harness.Message{
			{Role: "system", Whole: raw(`{"role":"system","content":[{"type":"image_url","image_url":{"url":"http://a/b.png"}}]}`)},
			{Role: "tool", Whole: raw(`{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"Ulm"},{"type":"image_url","image_url":{"url":"http://a/b.png"}}]}`)}}},
			`{"model":"tiny","stream":true,"max_tokens":7,"messages":[
			{"role":"system","content":[{"type":"image","source":{"type":"url","url":"http://a/b.png"}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"Ulm"},{"type":"image","source":{"type":"url","url":"http://a/b.png"}}]}]}]}`},
		"fields of chats": {harness.Prompt{Text: "Hi", MaxTokens: 7, Extra: map[string]json.RawMessage{
			"tools":       raw(`[{"type":"function","function":{"name":"find","description":"d","parameters":{"type":"object"}}},{"type":"function","function":{"name":"bare"}}]`),
			"tool_choice": raw(`{"type":"function","function":{"name":"find"}}`), "stop": raw(`"\n"`), "reasoning_effort": raw(`"low"`), "temperature": raw(`0.5`), "max_tokens": raw(`9`),
			"response_format": raw(`{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}`)}},
			`{"model":"tiny","stream":true,"max_tokens":7,"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"stop_sequences":["\n"],
			"tools":[{"name":"find","description":"d","input_schema":{"type":"object"}},{"name":"bare","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"find"},
			"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}}}`},
		"any tool": {harness.Prompt{Text: "Hi", MaxTokens: 7, Extra: map[string]json.RawMessage{"tool_choice": raw(`"required"`)}},
			`{"model":"tiny","stream":true,"max_tokens":7,"messages":[{"role":"user","content":"Hi"}],"tool_choice":{"type":"any"}}`},
	} {
		var asked []byte
		a := wiretest.Streamed(events(start, red, delta, stop))
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
	require.NoError(t, messages.Lacks(harness.Prompt{MaxTokens: 4}))
	for says, p := range map[string]harness.Prompt{
		"max_tokens": {}, "ignore_eos": {MaxTokens: 4, IgnoreEOS: true}, "min_tokens": {MaxTokens: 4, MinTokens: 2}, "priority": {MaxTokens: 4, Priority: 1}, "no n": {MaxTokens: 4, Extra: map[string]json.RawMessage{"n": json.RawMessage("2")}},
	} {
		require.ErrorContains(t, messages.Lacks(p), says)
	}
}

func TestLacks_mediaThatHaveNoField(t *testing.T) {
	shown := func(kind harness.MediumKind) harness.Prompt {
		return harness.Prompt{MaxTokens: 4, Messages: []harness.Message{{Role: "user", Media: []harness.Medium{{Kind: kind}}}}}
	}
	require.NoError(t, messages.Lacks(shown(harness.Image)))
	require.ErrorContains(t, messages.Lacks(shown(harness.Video)), `videos cannot be sent over "messages", which takes text and images`)
	require.ErrorContains(t, messages.Lacks(harness.Prompt{MaxTokens: 4, Media: []harness.Medium{{Kind: harness.Clip}}}), `clips cannot be sent over "messages"`)
}
