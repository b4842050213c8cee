package dataset_test

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/parquet-go/parquet-go"
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

func TestShareGPT_asksTheFirstQuestionOfEach(t *testing.T) {
	d := &dataset.File{FS: folder("s.json", twoConversations), Path: "s.json", MaxTokens: 64, IgnoreEOS: true}
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

func TestDraws_dependOnTheSeedAlone(t *testing.T) {
	d := dataset.Synthetic{Prompt: dataset.Length{Mean: 50, Deviation: 10}, Answer: dataset.Length{Mean: 20, Deviation: 5}}
	draw := func(seed uint64) []harness.Conversation {
		all, err := d.Conversations(stream(seed))
		require.NoError(t, err)
		return take(20, all)
	}
	assert.Equal(t, draw(1), draw(1))
	assert.NotEqual(t, draw(1), draw(2))
}

func TestSynthetic_promptsHaveTheirLength(t *testing.T) {
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

func TestJSONL_readsPromptsAndMessages(t *testing.T) {
	text := `{"prompt": "Once upon", "max_tokens": 40}

{"messages": [{"role": "user", "content": "Hello"}]}
`
	all, err := (&dataset.File{FS: folder("p.jsonl", text), Path: "p.jsonl", MaxTokens: 32}).Conversations(stream(1))
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

func TestErrors_nameTheFileAndTheLine(t *testing.T) {
	share := func(text string) harness.Dataset {
		return &dataset.File{FS: folder("s.json", text), Path: "s.json"}
	}
	lines := func(text string) harness.Dataset {
		return &dataset.File{FS: folder("p.jsonl", text), Path: "p.jsonl"}
	}
	for name, c := range map[string]struct {
		dataset harness.Dataset
		want    string
	}{
		"no such file":      {&dataset.File{FS: fstest.MapFS{}, Path: "gone.json"}, "gone.json"},
		"empty array":       {share(`[]`), "s.json: there is no conversation in it"},
		"empty file":        {share(``), "s.json:1: unexpected end"},
		"broken JSON":       {share("[\n{\"id\": }\n]"), "s.json:2: conversation 1: invalid character"},
		"a number":          {share("7"), "s.json:1: invalid character '7'; it must be a JSON array"},
		"no end":            {share("[\n{\"conversations\": ["), "s.json:2: unexpected end of the file in the middle"},
		"no bracket":        {share(`[{"conversations": [{"from": "human", "value": "hi"}]}`), "s.json:1: unexpected end of the file"},
		"no comma":          {share(`[{"conversations": [{"from": "human", "value": "hi"}]} {}]`), "s.json:1: invalid character '{' between two objects"},
		"a comma too many":  {share(`[{"conversations": [{"from": "human", "value": "hi"}]},]`), "s.json:1: invalid character ']'"},
		"more after it":     {share("[]\n[]"), "s.json:2: invalid character '[' after the end of the array"},
		"a wrong kind":      {share("[\n{\"conversations\":\n7}]"), `s.json:2: conversation 1: "conversations" is no list of turns`},
		"an object":         {share(`{"a": 1}`), "s.json:1: conversation 1: it has no turns"},
		"no turns":          {share(`[{"id": "x"}]`), `s.json:1: conversation 1 ("x"): it has no turns`},
		"no user turn":      {share(`[{"conversations": [{"from": "gpt", "value": "hi"}]}]`), "s.json:1: conversation 1: no user turn"},
		"an unknown voice":  {share(`[{"conversations": [{"from": "narrator", "value": "hi"}]}]`), `turn 1 is from "narrator"; write human`},
		"no image":          {share(`[{"conversations": [{"from": "human", "value": [{"type": "image_url", "image_url": {"url": "file:x.png"}}]}]}]`), "s.json:1: conversation 1: turn 1 part 1: there is no image x.png"},
		"a turn of nothing": {share(`[{"conversations": [{"from": "human"}]}]`), "turn 1 is empty"},
		"an empty turn":     {share(`[{"conversations": [{"from": "human", "value": " "}]}]`), "turn 1 is empty"},
		"no lines":          {lines("\n\n"), "p.jsonl: there is no prompt in it"},
		"broken line":       {lines("{\"prompt\": \"a\"}\n{prompt}\n"), "p.jsonl:2: invalid character"},
		"neither":           {lines("{}\n"), `p.jsonl:1: the line has no "prompt"`},
		"both":              {lines(`{"prompt": "a", "messages": []}`), `p.jsonl:1: the line has both`},
		"negative bound":    {lines(`{"prompt": "a", "max_tokens": -1}`), "p.jsonl:1: max_tokens is -1"},
		"half a message":    {lines(`{"messages": [{"role": "user"}]}`), "p.jsonl:1: message 1 needs a role and a content"},
		"no length":         {dataset.Synthetic{Prompt: dataset.Length{Mean: 1}}, "at least 1 token"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.dataset.Conversations(stream(1))
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
}

func TestFormats_thatPeopleHave(t *testing.T) {
	type row struct {
		Prompt    string `parquet:"prompt"`
		MaxTokens int64  `parquet:"max_tokens"`
		Other     string `parquet:"other"`
	}
	var columns bytes.Buffer
	require.NoError(t, parquet.Write(&columns, []row{{"one, two", 7, "x"}, {"three", 0, "y"}}))
	for path, content := range map[string]string{
		"a.csv":     "other,Prompt,max_tokens\nx,\"one, two\",7\ny,three,\n",
		"a.jsonl":   `{"custom_id": "1", "method": "POST", "url": "/v1/completions", "body": {"prompt": "one, two", "max_tokens": 7}}` + "\n" + `{"prompt": "three"}`,
		"a.parquet": columns.String(),
	} {
		d := &dataset.File{FS: folder(path, content), Path: path, MaxTokens: 9}
		conversations, err := d.Conversations(stream(1))
		require.NoError(t, err, path)
		got := map[string]int{}
		n := 0
		for c := range conversations {
			got[c.Turns[0].Text] = c.Turns[0].MaxTokens
			if n++; n == 2 {
				break
			}
		}
		assert.Equal(t, map[string]int{"one, two": 7, "three": 9}, got, path)
	}
	text := &dataset.File{FS: folder("a.txt", "one\n\ntwo\n"), Path: "a.txt"}
	count, err := text.Count()
	require.NoError(t, err)
	assert.Equal(t, 2, count)

	for says, file := range map[string][2]string{
		`a.csv:1: the columns are ["a" "b"]; one must be named prompt`: {"a.csv", "a,b\n1,2\n"},
		`a.csv:3: max_tokens is "many"`:                                {"a.csv", "prompt,max_tokens\na,1\nb,many\n"},
		"a.csv:2: the row has 1 cells, and there are 2 columns":        {"a.csv", "prompt,max_tokens\na\n"},
		"a.csv:2: the prompt is empty":                                 {"a.csv", "prompt,max_tokens\n,1\n"},
		"a.parquet: ":                                                  {"a.parquet", "no parquet"},
		"a.doc: files of prompts end in":                               {"a.doc", "x"},
		"a.txt: there is no prompt in it":                              {"a.txt", "\n"},
	} {
		_, err := (&dataset.File{FS: folder(file[0], file[1]), Path: file[0]}).Conversations(stream(1))
		assert.ErrorContains(t, err, says)
	}
}

func TestTurns_goOnFromWhatWasSaid(t *testing.T) {
	const dump = `[{"conversations": [{"from": "gpt", "value": "cut off"}, {"from": "system", "value": "be kind"}, {"from": "human", "value": "q1"}, {"from": "gpt", "value": "a1"},
		{"from": "human", "value": "q2"}, {"from": "gpt", "value": "a2"}, {"from": "human", "value": "q3"}]}, {"conversations": [{"from": "human", "value": "short"}]}]`
	said := func(d *dataset.File) (out [][]string) {
		conversations, err := d.Conversations(stream(1))
		require.NoError(t, err)
		for c := range conversations {
			assert.Equal(t, !d.Recorded, c.GoesOn)
			for _, turn := range c.Turns {
				var texts []string
				for _, m := range turn.Messages {
					texts = append(texts, m.Role+" "+m.Content)
				}
				out = append(out, texts)
			}
			return out // the other one is too short
		}
		return nil
	}
	three := func() *dataset.File {
		return &dataset.File{FS: folder("s.json", dump), Path: "s.json", Turns: 3}
	}
	assert.Equal(t, [][]string{{"system be kind", "user q1"}, {"user q2"}, {"user q3"}}, said(three()))
	d := three()
	d.Recorded = true
	assert.Equal(t, [][]string{{"system be kind", "user q1"}, {"system be kind", "user q1", "assistant a1", "user q2"},
		{"system be kind", "user q1", "assistant a1", "user q2", "assistant a2", "user q3"}}, said(d))
	d = three()
	d.Turns = 4
	_, err := d.Conversations(stream(1))
	assert.EqualError(t, err, "s.json: no conversation has 4 turns")
}

func TestGroups_promptsBeginAlike(t *testing.T) {
	d := dataset.Synthetic{Prompt: dataset.Length{Mean: 10}, Answer: dataset.Length{Mean: 1}, Groups: 3, Prefix: 50}
	beginnings, ends := map[string]bool{}, map[string]bool{}
	for _, seed := range []uint64{1, 2} { // two users of a closed loop
		conversations, err := d.Conversations(stream(seed))
		require.NoError(t, err)
		n := 0
		for c := range conversations {
			ids := c.Turns[0].TokenIDs
			require.Len(t, ids, 60)
			beginnings[fmt.Sprint(ids[:50])], ends[fmt.Sprint(ids[50:])] = true, true
			if n++; n == 100 {
				break
			}
		}
	}
	assert.Len(t, beginnings, 3)
	assert.Len(t, ends, 200)
	_, err := dataset.Synthetic{Prompt: d.Prompt, Answer: d.Answer, Groups: 3}.Conversations(stream(1))
	assert.ErrorContains(t, err, "both must be above 0")
}

func TestLengths_areDrawnEvenly(t *testing.T) {
	d := dataset.Synthetic{Prompt: dataset.Length{Mean: 20, From: 10, To: 30}, Answer: dataset.Length{Mean: 1}}
	conversations, err := d.Conversations(stream(1))
	require.NoError(t, err)
	seen := map[int]int{}
	for _, c := range take(21_000, conversations) {
		seen[c.Turns[0].Tokens]++
	}
	assert.Len(t, seen, 21)
	for n := 10; n <= 30; n++ {
		assert.InDelta(t, 1000, seen[n], 130, "four deviations")
	}
	assert.Equal(t, "synthetic prompts of 10 to 30 tokens, answered in 1 tokens", d.String())
}
