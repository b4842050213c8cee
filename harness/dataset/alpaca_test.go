package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

func TestAlpaca_tasksAreAskedAsChats(t *testing.T) {
	d := &dataset.File{FS: folder("a.json", `[{"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}]`), Path: "a.json", MaxTokens: 8}
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	assert.Equal(t, []harness.Prompt{{Messages: []harness.Message{{Role: "user", Content: "Translate.\nGuten Tag"}}, MaxTokens: 8}}, take(1, all)[0].Turns)

	line := `{"instruction": "And again?", "system": "Be kind.", "history": [["Hello", "Hi"]], "output": "Hi"}`
	d = &dataset.File{FS: folder("a.jsonl", line+"\n"+line), Path: "a.jsonl"}
	all, err = d.Conversations(stream(1))
	require.NoError(t, err)
	assert.Equal(t, []harness.Message{{Role: "system", Content: "Be kind."}, {Role: "user", Content: "Hello"}, {Role: "assistant", Content: "Hi"}, {Role: "user", Content: "And again?"}},
		take(1, all)[0].Turns[0].Messages)
	raw, err := dataset.Describe(d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "alpaca", "path": "a.jsonl"}`, string(raw))
}

// An "instruction" beside what another format asks is a field like others.
func TestAlpaca_leavesFilesOfOtherFormats(t *testing.T) {
	for text, asked := range map[string]string{
		`{"instruction": "x", "conversation": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi"}]}`: "Hello",
		`{"instruction": "x", "messages": [{"role": "user", "content": "Good day"}]}`:                                 "Good day",
		`{"instruction": "x", "body": {"messages": [{"role": "user", "content": "From a batch"}]}}`:                   "From a batch",
	} {
		all, err := (&dataset.File{FS: folder("a.jsonl", text), Path: "a.jsonl"}).Conversations(stream(1))
		require.NoError(t, err, text)
		messages := take(1, all)[0].Turns[0].Messages
		assert.Equal(t, asked, messages[len(messages)-1].Content, text)
	}
}

func TestAlpaca_errorsSayTheFileAndTheLine(t *testing.T) {
	for says, text := range map[string]string{
		`a.json:3: task 2: there is a JSON number where`:   "[{\"instruction\": \"a\"},\n\n{\"instruction\": 7}]",
		"a.json:2: element 2 of the array is no object: 7": "[{\"instruction\": \"a\"},\n7, 8]",
		"a.json:1: task 1: the instruction is empty; 1 of": `[{"instruction": " "}]`,
		"turn 1 of its history has 1 texts; it must have":  `[{"instruction": "a", "history": [["Hello"]]}]`,
	} {
		_, err := (&dataset.File{FS: folder("a.json", text), Path: "a.json"}).Count()
		assert.ErrorContains(t, err, says)
	}
	_, err := (&dataset.File{FS: folder("a.json", `[{"instruction": "a"}]`), Path: "a.json", Turns: 2}).Count()
	assert.ErrorContains(t, err, "a.json holds single prompts; conversations with turns are drawn from")
}

// A field that asks for something else than the task would be is named, and a slip of the task's own is an error.
func TestAlpaca_namesFieldsThatAreNotSent(t *testing.T) {
	d := &dataset.File{FS: folder("a.json", `[{"instruction": "a", "output": "b", "temperature": 0, "mood": "calm"}]`), Path: "a.json"}
	_, err := d.Count()
	require.NoError(t, err)
	assert.Equal(t, []string{"fields of a.json that are not sent to the server: mood, temperature"}, d.Remarks())
	d = &dataset.File{FS: folder("a.json", `[{"instruction": "a"}, {"instruction": "a", "Input": "b"}, {"instruction": "a", "his_tory": []}]`), Path: "a.json"}
	_, err = d.Count()
	assert.ErrorContains(t, err, `task 3: "his_tory" is not known; did you mean "history"?`)
}
