package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

func TestSalted_oneSaltForARun(t *testing.T) {
	plain := dataset.Synthetic{Prompt: dataset.Length{Mean: 64}, Answer: dataset.Length{Mean: 4}, Groups: 2, Prefix: 32}
	draw := func(salt string) (prompts [][]int, salts map[string]int) {
		all, err := dataset.Salted{Dataset: plain, Salt: salt}.Conversations(stream(1))
		require.NoError(t, err)
		salts = map[string]int{}
		for _, c := range take(20, all) {
			prompts = append(prompts, c.Turns[0].TokenIDs)
			salts[c.Turns[0].CacheSalt]++
		}
		return prompts, salts
	}
	one, salts := draw("one")
	assert.Equal(t, map[string]int{"one": 20}, salts)
	two, salts := draw("two")
	assert.Equal(t, map[string]int{"two": 20}, salts)
	assert.Equal(t, one, two, "what is asked does not depend on the salt")
	assert.Equal(t, plain.String(), dataset.Salted{Dataset: plain, Salt: "one"}.String(), "nor what a baseline is compared by")
}

func TestSalted_leavesThePromptsOfAFileUnchanged(t *testing.T) {
	file := &dataset.File{FS: folder("a.jsonl", `{"prompt": "one"}`+"\n"+`{"prompt": "two"}`), Path: "a.jsonl", MaxTokens: 4}
	defer file.Close()
	salted := dataset.Salted{Dataset: file, Salt: "run"}
	n, err := salted.Count()
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	all, err := salted.Conversations(stream(1))
	require.NoError(t, err)
	for _, c := range take(4, all) {
		assert.Equal(t, "run", c.Turns[0].CacheSalt)
	}
	bare, err := file.Conversations(stream(1))
	require.NoError(t, err)
	for _, c := range take(4, bare) {
		assert.Empty(t, c.Turns[0].CacheSalt)
	}
}
