package dataset_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

const png = "\x89PNG\r\n\x1a\n and the picture"

// asked are the messages of a dataset's first conversation, as they are sent.
func asked(t *testing.T, d harness.Dataset) string {
	t.Helper()
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	c := take(1, all)[0]
	require.NoError(t, c.Err)
	raw, err := json.Marshal(c.Turns[0].Messages)
	require.NoError(t, err)
	return string(raw)
}

func TestImages_areSentWithTheirPrompts(t *testing.T) {
	files := fstest.MapFS{
		"pictures/cat.png": {Data: []byte(png)},
		"x.jsonl": {Data: []byte(`{"messages": [{"role": "system", "content": "Look."}, {"role": "user", "content": [
			{"type": "text", "text": "What is it?"},
			{"type": "image_url", "image_url": {"url": "file:pictures/cat.png", "detail": "low"}},
			{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]}`)},
		"x.json": {Data: []byte(`[{"conversations": [{"from": "human", "value": [{"type": "text", "text": "And this?"},
			{"type": "image_url", "image_url": {"url": "file:./pictures/cat.png"}}]}, {"from": "gpt", "value": "A cat."}, {"from": "human", "value": "Sure?"}]}]`)},
	}
	files["x.jsonl"].Data = bytes.ReplaceAll(files["x.jsonl"].Data, []byte("\n"), nil)
	inlined := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(png))
	assert.JSONEq(t, fmt.Sprintf(`[{"role": "system", "content": "Look."}, {"role": "user", "content": [{"type": "text", "text": "What is it?"},
		{"type": "image_url", "image_url": {"url": %q, "detail": "low"}}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]`, inlined),
		asked(t, of(files, "x.jsonl")))
	all, err := (&dataset.File{FS: files, Path: "x.json", Turns: 2, Recorded: true}).Conversations(stream(1))
	require.NoError(t, err)
	turns := take(1, all)[0].Turns
	require.Len(t, turns, 2)
	raw, err := json.Marshal(turns[1].Messages)
	require.NoError(t, err)
	assert.JSONEq(t, fmt.Sprintf(`[{"role": "user", "content": [{"type": "text", "text": "And this?"}, {"type": "image_url", "image_url": {"url": %q}}]},
		{"role": "assistant", "content": "A cat."}, {"role": "user", "content": "Sure?"}]`, inlined), string(raw))
}

func TestTools_callsAreSentAsTheyAre(t *testing.T) {
	chat := `[{"role":"user","content":"Weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"Rain"}]`
	sent := asked(t, of(folder("x.jsonl", `{"messages": `+chat+`}`), "x.jsonl"))
	assert.JSONEq(t, chat, sent)
	plain := asked(t, of(folder("x.jsonl", `{"messages": [{"role": "user", "content": "a", "toxicity": 0.1}]}`), "x.jsonl"))
	assert.JSONEq(t, `[{"role": "user", "content": "a"}]`, plain, "what a server does not look at is not sent")
}

func TestImages_thatCannotBeSentAreNamedBeforehand(t *testing.T) {
	for says, url := range map[string]string{
		"there is no image gone.png in the dataset's folder":             "file:gone.png",
		`"file:../secret" must lie in the dataset's folder or below it`:  "file:../secret",
		`"file:///etc/passwd" must lie in the dataset's folder`:          "file:///etc/passwd",
		`x.jsonl:1: message 1 part 1: notes.txt is no image (text/plain`: "file:notes.txt",
		`"ftp://x/y.png" is no image; write https://…`:                   "ftp://x/y.png",
		"huge.png has 20971521 bytes; the limit is 20 MiB":               "file:huge.png",
		`"data:text/html,x" is no image`:                                 "data:text/html,x",
	} {
		files := fstest.MapFS{"notes.txt": {Data: []byte("shopping")}, "huge.png": {Data: append([]byte(png), make([]byte, 20<<20+1-len(png))...)},
			"x.jsonl": {Data: fmt.Appendf(nil, `{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": %q}}]}]}`, url)}}
		_, err := of(files, "x.jsonl").Conversations(stream(1))
		assert.ErrorContains(t, err, says)
	}
	for says, content := range map[string]string{
		"message 1 has a content that is neither": `7`,
		"neither a text nor a list of parts":      `{}`,
		`part 1 has no "type"`:                    `[{"text": "a"}]`,
		"part 1 has no image":                     `[{"type": "image_url", "image_url": "x"}]`,
		"the messages are empty":                  `null`,
	} {
		_, err := of(folder("x.jsonl", `{"messages": [{"role": "user", "content": `+content+`}]}`), "x.jsonl").Conversations(stream(1))
		assert.ErrorContains(t, err, says)
	}
}
