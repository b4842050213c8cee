package dataset_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

func TestMix_hasItsShares(t *testing.T) {
	of := func(tokens int) dataset.Synthetic {
		return dataset.Synthetic{Prompt: dataset.Length{Mean: tokens}, Answer: dataset.Length{Mean: 1}}
	}
	mix := dataset.Mix{{Name: "chat", Share: .7, Dataset: of(10)}, {Name: "sql", Share: .3, Dataset: of(20), Model: "adapter", Priority: 5}}
	conversations, err := mix.Conversations(stream(1))
	require.NoError(t, err)
	counts := map[string]int{}
	for _, c := range take(1000, conversations) {
		p := c.Turns[0]
		counts[p.Class]++
		assert.Equal(t, map[string]int{"chat": 10, "sql": 20}[p.Class], p.Tokens)
		assert.Equal(t, map[string]string{"sql": "adapter"}[p.Class], p.Model)
		assert.Equal(t, map[string]int{"sql": 5}[p.Class], p.Priority)
	}
	assert.InDelta(t, 700, counts["chat"], 60)
	assert.Equal(t, 1000, counts["chat"]+counts["sql"])

	_, err = mix[:1].Conversations(stream(1))
	assert.EqualError(t, err, "the shares of the mix are 70 % together; they must be 100 %")
	_, err = dataset.Mix{{Name: "chat", Share: 1, Dataset: of(0)}}.Conversations(stream(1))
	assert.ErrorContains(t, err, "chat: ")
}

func TestMix_classHasItsTurnsAndThinkTimes(t *testing.T) {
	talk := &dataset.File{FS: folder("s.json", `[{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}]}]`), Path: "s.json", Turns: 2}
	think := harness.Think{Mean: time.Second}
	mix := dataset.Mix{{Name: "talk", Share: 1, Dataset: talk, Think: think}}
	conversations, err := mix.Conversations(stream(1))
	require.NoError(t, err)
	for _, c := range take(3, conversations) {
		assert.Len(t, c.Turns, 2)
		assert.True(t, c.GoesOn)
		assert.Equal(t, think, c.Think)
	}
	assert.Equal(t, "a mix of 100 % talk: s.json, 2 turns, thinking between turns: 1s", mix.String())
}

func TestAdapters_haveTheirShares(t *testing.T) {
	all := dataset.Synthetic{Prompt: dataset.Length{Mean: 10}, Answer: dataset.Length{Mean: 1}}
	d := dataset.Adapters{Dataset: all, Shares: []dataset.AdapterShare{{"sql", .2}, {"poet", .1}}}
	conversations, err := d.Conversations(stream(1))
	require.NoError(t, err)
	counts := map[string]int{}
	for _, c := range take(5000, conversations) {
		counts[c.Turns[0].Model]++
	}
	assert.InDelta(t, 1000, counts["sql"], 115, "four deviations")
	assert.InDelta(t, 500, counts["poet"], 85)
	assert.Equal(t, 5000, counts["sql"]+counts["poet"]+counts[""])
	assert.Equal(t, `synthetic prompts of 10 tokens, answered in 1 tokens; 20 % asked of "sql", 10 % asked of "poet"`, d.String())

	mixed, err := dataset.Mix{{Name: "a", Share: 1, Dataset: dataset.Adapters{Dataset: all, Shares: []dataset.AdapterShare{{"sql", 1}}}}}.Conversations(stream(1))
	require.NoError(t, err)
	assert.Equal(t, "sql", take(1, mixed)[0].Turns[0].Model, "a class may have adapters of its own")
	d.Shares[0].Share = .95
	_, err = d.Conversations(stream(1))
	assert.EqualError(t, err, "the shares of the adapters are 105 % together; they cannot be more than 100 %")
}
