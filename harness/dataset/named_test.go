package dataset_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

// given are conversations as another package has them.
type given []harness.Conversation

func (g given) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	if g == nil {
		return nil, errors.New("it is locked")
	}
	return slices.Values(g), nil
}

func TestNamed_boundsAnswersAndKnowsItsTurns(t *testing.T) {
	t.Parallel()
	of := given{{Turns: []harness.Prompt{{Text: "a", MaxTokens: 99}}}, {Turns: []harness.Prompt{{Text: "b"}, {Text: "c"}}}}
	turns, err := dataset.Named{Name: "mine", Dataset: of}.Turns()
	require.NoError(t, err)
	assert.Equal(t, 2, turns)
	all, err := dataset.Named{Name: "mine", Dataset: of, MaxTokens: 8, IgnoreEOS: true}.Conversations(nil)
	require.NoError(t, err)
	for c := range all {
		for _, turn := range c.Turns {
			assert.Equal(t, 8, turn.MaxTokens)
			assert.True(t, turn.IgnoreEOS)
		}
	}
	assert.Equal(t, 99, of[0].Turns[0].MaxTokens, "what is given stays as it is")
	for says, broken := range map[string]given{"mine: it has no conversations": {}, "mine: it is locked": nil, "mine: no": {{Err: errors.New("no")}}} {
		_, err := dataset.Named{Name: "mine", Dataset: broken}.Turns()
		assert.EqualError(t, err, says)
	}
}

func TestSample_isCalledOneAndIsNoWarning(t *testing.T) {
	d := &dataset.File{FS: folder("x.txt", "one\n"), Path: "x.txt", Sample: true}
	_, err := d.Count()
	require.NoError(t, err)
	assert.Equal(t, []string{"x.txt is a sample that comes along: its prompts are made up, and not your traffic"}, d.Remarks())
	assert.Empty(t, d.Warnings())
}
