package dataset_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// firstOf is what the first line of a file asks.
func firstOf(t *testing.T, line string) harness.Prompt {
	t.Helper()
	all, err := of(fstest.MapFS{"x.jsonl": {Data: []byte(line)}, "cat.png": {Data: []byte(png)}}, "x.jsonl").Conversations(stream(1))
	require.NoError(t, err, line)
	c := take(1, all)[0]
	require.NoError(t, c.Err)
	return c.Turns[0]
}

func TestFields_thatChangeTheWorkAreSent(t *testing.T) {
	for line, sent := range map[string]string{
		`{"prompt": "a", "extra_body": {"top_k": 5, "guided_regex": "x"}, "top_p": 0.5}`:                      `{"top_k": 5, "guided_regex": "x", "top_p": 0.5}`,
		`{"prompt": "a", "continue_final_message": true, "add_generation_prompt": false, "bad_words": ["b"]}`: `{"continue_final_message": true, "add_generation_prompt": false, "bad_words": ["b"]}`,
		`{"prompt": "a", "suffix": "z", "functions": [], "chat_template": "t", "vllm_xargs": {"a": 1}}`:       `{"suffix": "z", "functions": [], "chat_template": "t", "vllm_xargs": {"a": 1}}`,
		`{"body": {"prompt": "a", "a_field_of_tomorrow": 1}}`:                                                 `{"a_field_of_tomorrow": 1}`,
		`{"prompt": "a", "extra_body": {"a_field_of_tomorrow": [1]}}`:                                         `{"a_field_of_tomorrow": [1]}`,
		`{"prompt": "a", "id": 7, "category": "x", "prompt_id": "p", "step": 3, "temperature": null}`:         `null`,
	} {
		extra, err := json.Marshal(firstOf(t, line).Extra)
		require.NoError(t, err)
		assert.JSONEq(t, sent, string(extra), line)
	}
	assert.Equal(t, 77, firstOf(t, `{"prompt": "a", "output_tokens": 77}`).MaxTokens)
	assert.Equal(t, harness.Prompt{Text: "a", MaxTokens: 9, MinTokens: 3}, firstOf(t, `{"prompt": "a", "max_tokens": 9, "min_tokens": 3}`))
	assert.Zero(t, firstOf(t, `{"prompt": [1, 2, 3], "truncate_prompt_tokens": 2}`).Tokens, "the server leaves one out, as it is asked to")
}

func TestMessages_areSentWhole(t *testing.T) {
	for _, message := range []string{
		`{"role": "assistant", "content": "yes", "reasoning_content": "a long thought"}`,
		`{"role": "assistant", "content": "yes", "reasoning": "a long thought", "name": "b"}`,
		`{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}`,
		`{"role": "assistant", "refusal": "no"}`,
		`{"role": "assistant", "content": "So", "prefix": true}`,
		`{"role": "system", "content": "s", "tools": [{"type": "function"}]}`,
		`{"role": "function", "name": "f", "content": "{}"}`,
	} {
		assert.JSONEq(t, "["+message+"]", asked(t, of(folder("x.jsonl", `{"messages": [`+message+`]}`), "x.jsonl")))
	}
}

func TestImages_filesArePartsOfThePrompt(t *testing.T) {
	p := firstOf(t, `{"prompt": "what?", "image_files": ["cat.png", "https://example.com/a.png"]}`)
	raw, err := json.Marshal(p.Messages)
	require.NoError(t, err)
	assert.Empty(t, p.Text)
	assert.Contains(t, string(raw), `"text":"what?"`)
	assert.Contains(t, string(raw), "data:image/png;base64,")
	assert.Contains(t, string(raw), "https://example.com/a.png")
}

func TestFields_thatCannotBeSentAreRefusedOrNamed(t *testing.T) {
	for line, says := range map[string]string{
		`{"prompt": "a", "best_of": 4}`:                           `x.jsonl:1: "best_of" is 4; a request is followed to the end of one answer`,
		`{"prompt": "a", "extra_body": {"n": 2}}`:                 `x.jsonl:1: "n" is 2`,
		`{"prompt": "a", "extra_body": 3}`:                        `x.jsonl:1: "extra_body": there is a JSON number`,
		`{"prompt": "a", "temprature": 1}`:                        `x.jsonl:1: "temprature" is not known; did you mean "temperature"?`,
		`{"prompt": "a", "maxTokens": 1}`:                         `x.jsonl:1: "maxTokens" is not known; did you mean "max_tokens"?`,
		`{"body": {"prompt": "a", "max_token": 1}}`:               `x.jsonl:1: "max_token" is not known; did you mean "max_tokens"?`,
		`{"prompt": "a", "video_files": ["v.mp4"]}`:               `x.jsonl:1: "video_files" is not sent`,
		`{"prompt": "a", "max_tokens": 1, "output_tokens": 2}`:    "x.jsonl:1: max_tokens is 1 and output_tokens is 2; keep one",
		`{"prompt": "a", "max_tokens": 4, "min_tokens": 5}`:       "x.jsonl:1: min_tokens is 5; it cannot be negative, nor above the 4 tokens",
		`{"prompt": "a", "image_files": ["gone.png"]}`:            "there is no image gone.png",
		`{"prompt": [1], "image_files": ["cat.png"]}`:             `"image_files" belongs to a "prompt" that is a text`,
		`{"prompt": "a", "top_k": 1, "extra_body": {"top_k": 2}}`: `"top_k" is said twice`,
		`{"prompt": "a", "output_tokens": -2}`:                    "output_tokens is -2",
		`{"prompt": "a", "output_tokens": "long"}`:                `"output_tokens": there is a JSON string`,
		`{"prompt": "a", "max_new_tokens": 7}`:                    `"max_new_tokens" is not sent`,
		`{"prompt": "a", "multi_modal_data": {"image": "x"}}`:     `"multi_modal_data" is not sent`,
	} {
		_, err := of(folder("x.jsonl", line), "x.jsonl").Conversations(stream(1))
		assert.ErrorContains(t, err, says, line)
	}
	named := func(path, text string) []string {
		d := of(folder(path, text), path)
		_, err := d.Conversations(stream(1))
		require.NoError(t, err)
		remarking, ok := d.(interface{ Remarks() []string })
		require.True(t, ok)
		return remarking.Remarks()
	}
	assert.Equal(t, []string{"fields of x.jsonl that are not sent to the server: mood, sentiment"},
		named("x.jsonl", `{"prompt": "a", "mood": 1, "id": 4}`+"\n"+`{"prompt": "b", "mood": 2, "sentiment": null}`+"\n"+`{"prompt": "c", "sentiment": 3}`))
	assert.Empty(t, named("x.jsonl", `{"prompt": "a", "id": 4, "category": "x", "model": "m", "stream": true}`))
	many := ""
	for i := range 12 {
		many += fmt.Sprintf(`{"prompt": "a", "mood_%c": 1}`+"\n", 'a'+i)
	}
	assert.Equal(t, []string{"fields of x.jsonl that are not sent to the server: mood_a, mood_b, mood_c, mood_d, mood_e, mood_f, mood_g, mood_h and 4 more"}, named("x.jsonl", many))
	assert.Equal(t, []string{"fields of x.csv that are not sent to the server: mood"}, named("x.csv", "Id,prompt,mood,output_tokens\n1,a,b,3\n"))
	for text, says := range map[string]string{
		"prompt,temperature\na,1\n":                `x.csv:1: the column "temperature" is not sent`,
		"prompt,max_token\na,1\n":                  `x.csv:1: "max_token" is not known; did you mean "max_tokens"?`,
		"prompt,max_tokens,output_tokens\na,1,2\n": "say twice how long an answer may be",
	} {
		_, err := of(folder("x.csv", text), "x.csv").Conversations(stream(1))
		assert.ErrorContains(t, err, says)
	}
}
