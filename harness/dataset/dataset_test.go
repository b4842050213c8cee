package dataset_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

func stream(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func take(n int, all iter.Seq[harness.Conversation]) (out []harness.Conversation) {
	for c := range all {
		if out = append(out, c); len(out) == n {
			break
		}
	}
	return out
}

func folder(name, text string) fstest.MapFS {
	return fstest.MapFS{name: {Data: []byte(text)}}
}

const twoConversations = `[
 {"id": "a", "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "One?"}, {"from": "gpt", "value": "1."}]},
 {"id": "b", "conversations": [{"from": "gpt", "value": "…as I said."}, {"from": "human", "value": "Two?"}]}
]`

func TestShareGPTAsksTheFirstQuestionOfEach(t *testing.T) {
	d := dataset.ShareGPT{FS: folder("s.json", twoConversations), Path: "s.json", MaxTokens: 64, IgnoreEOS: true}
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	drawn := take(4, all)
	var last []string
	for _, c := range drawn {
		require.Len(t, c.Turns, 1)
		p := c.Turns[0]
		assert.Equal(t, 64, p.MaxTokens)
		assert.True(t, p.IgnoreEOS)
		assert.Zero(t, p.Tokens, "nobody has counted it")
		last = append(last, p.Messages[len(p.Messages)-1].Content)
		if p.Messages[len(p.Messages)-1].Content == "One?" {
			assert.Equal(t, harness.Message{Role: "system", Content: "Be brief."}, p.Messages[0])
		}
	}
	slices.Sort(last[:2])
	slices.Sort(last[2:])
	assert.Equal(t, []string{"One?", "Two?", "One?", "Two?"}, last, "each once before any comes again")
}

func TestDrawsDependOnTheSeedAlone(t *testing.T) {
	d := dataset.Synthetic{Prompt: dataset.Length{Mean: 50, Deviation: 10}, Answer: dataset.Length{Mean: 20, Deviation: 5}}
	draw := func(seed uint64) []harness.Conversation {
		all, err := d.Conversations(stream(seed))
		require.NoError(t, err)
		return take(20, all)
	}
	assert.Equal(t, draw(1), draw(1))
	assert.NotEqual(t, draw(1), draw(2))
}

func TestSyntheticPromptsHaveTheLengthTheySay(t *testing.T) {
	all, err := dataset.Synthetic{Prompt: dataset.Length{Mean: 512, Deviation: 64}, Answer: dataset.Length{Mean: 128}}.Conversations(stream(3))
	require.NoError(t, err)
	sum := 0
	for _, c := range take(400, all) {
		p := c.Turns[0]
		assert.Len(t, p.TokenIDs, p.Tokens)
		assert.Equal(t, 128, p.MaxTokens)
		assert.True(t, p.IgnoreEOS)
		sum += p.Tokens
	}
	assert.InDelta(t, 512, float64(sum)/400, 3.5*64/20, "the mean of 400 draws lies within 3.5 standard errors")
}

func TestJSONLReadsPromptsAndMessages(t *testing.T) {
	text := `{"prompt": "Once upon", "max_tokens": 40}

{"messages": [{"role": "user", "content": "Hello"}]}
`
	all, err := dataset.JSONL{FS: folder("p.jsonl", text), Path: "p.jsonl", MaxTokens: 32}.Conversations(stream(1))
	require.NoError(t, err)
	var completions, chats int
	for _, c := range take(2, all) {
		p := c.Turns[0]
		assert.Equal(t, 32, p.MaxTokens, "the tighter bound holds")
		if p.Messages == nil {
			completions++
		} else {
			chats++
		}
	}
	assert.Equal(t, []int{1, 1}, []int{completions, chats})
}

func TestBrokenFilesAreNamedWithTheLine(t *testing.T) {
	share := func(text string) harness.Dataset { return dataset.ShareGPT{FS: folder("s.json", text), Path: "s.json"} }
	lines := func(text string) harness.Dataset { return dataset.JSONL{FS: folder("p.jsonl", text), Path: "p.jsonl"} }
	for name, c := range map[string]struct {
		dataset harness.Dataset
		want    string
	}{
		"no such file":     {dataset.ShareGPT{FS: fstest.MapFS{}, Path: "gone.json"}, "gone.json"},
		"empty array":      {share(`[]`), "s.json: there is no conversation in it"},
		"empty file":       {share(``), "s.json:1: unexpected end"},
		"broken JSON":      {share("[\n{\"id\": }\n]"), "s.json:2: invalid character"},
		"an object":        {share(`{"a": 1}`), "s.json:1: there is a JSON object where it does not belong"},
		"no turns":         {share(`[{"id": "x"}]`), `s.json: conversation 1 ("x"): it has no turns`},
		"no user turn":     {share(`[{"conversations": [{"from": "gpt", "value": "hi"}]}]`), "s.json: conversation 1: no user turn"},
		"an unknown voice": {share(`[{"conversations": [{"from": "Human", "value": "hi"}]}]`), `turn 1 is from "Human"; write human`},
		"an empty turn":    {share(`[{"conversations": [{"from": "human", "value": " "}]}]`), "turn 1 is empty"},
		"no lines":         {lines("\n\n"), "p.jsonl: there is no prompt in it"},
		"broken line":      {lines("{\"prompt\": \"a\"}\n{prompt}\n"), "p.jsonl:2: invalid character"},
		"neither":          {lines("{}\n"), `p.jsonl:1: the line has no "prompt"`},
		"both":             {lines(`{"prompt": "a", "messages": []}`), `p.jsonl:1: the line has both`},
		"negative bound":   {lines(`{"prompt": "a", "max_tokens": -1}`), "p.jsonl:1: max_tokens is -1"},
		"half a message":   {lines(`{"messages": [{"role": "user"}]}`), "p.jsonl:1: message 1 needs a role and a content"},
		"no length":        {dataset.Synthetic{Prompt: dataset.Length{Mean: 1}}, "at least 1 token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.dataset.Conversations(stream(1))
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}
