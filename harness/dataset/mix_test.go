package dataset_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

func TestAMixHasItsShares(t *testing.T) {
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
