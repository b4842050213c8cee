package openai_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func TestRequest_bodiesAreMadeBeforehand(t *testing.T) {
	c := &openai.Client{Model: "m"}
	body := func(p harness.Prompt) string { return string(c.Prepare(p).Request.(*client.Request).Body) }
	assert.JSONEq(t, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"prompt":"a","max_tokens":3}`,
		body(harness.Prompt{Text: "a", MaxTokens: 3}))
	parts := json.RawMessage(`{"role":"user","content":[{"type":"text","text":"b"},{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}`)
	assert.JSONEq(t, `{"model":"m","stream":true,"stream_options":{"include_usage":true},
		"messages":[{"role":"system","content":"a"},`+string(parts)+`],"tools":[{"type":"function"}],"temperature":0}`,
		body(harness.Prompt{Messages: []harness.Message{{Role: "system", Content: "a"}, {Role: "user", Whole: parts}},
			Extra: map[string]json.RawMessage{"tools": json.RawMessage(`[{"type":"function"}]`), "temperature": json.RawMessage(`0`)}}))
	assert.JSONEq(t, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"prompt":"a","ignore_eos":true,"min_tokens":3,"max_tokens":3}`,
		body(harness.Prompt{Text: "a", MaxTokens: 3, IgnoreEOS: true, Extra: map[string]json.RawMessage{
			"model": json.RawMessage(`"other"`), "stream": json.RawMessage(`false`), "min_tokens": json.RawMessage(`1`), "max_tokens": json.RawMessage(`9`)}}),
		"what the harness relies on is its own")
}

func TestRequest_aPromptThatShowsAnImageIsAChat(t *testing.T) {
	made := (&openai.Client{Model: "m"}).Prepare(harness.Prompt{Text: "What is this?", Media: []harness.Medium{{Kind: harness.Image, Width: 16, Height: 16}}}).Request.(*client.Request)
	assert.Equal(t, "/v1/chat/completions", made.Path, "completions have no place for it")
	assert.Contains(t, string(made.Body), `"image_url":{"url":"data:image/jpeg;base64,`)
	assert.Contains(t, string(made.Body), "What is this?")
}
