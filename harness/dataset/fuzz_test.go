package dataset_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// FuzzPrompts holds the readers of prompts to their promise that whatever a file
// holds is a list of prompts or an error that names the file.
func FuzzPrompts(f *testing.F) {
	for _, seed := range []string{"prompt,max_tokens\na,1\n", `{"prompt": "a"}`, `{"body": {"messages": [{"role": "user", "content": "a"}]}}`, `[{"conversations": [{"from": "human", "value": "a"}]}]`,
		"{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {\"url\": \"file:x.txt\"}}]}], \"tools\": []}\n\n{\"prompt\": [1]}\r\n",
		"id,prompt\n1,\"a\nb\"\n\n2,c\n", `[{"conversations": [{"from": "human", "value": "\\"]}"}, {"from": "gpt", "value": [{"type": "text", "text": "b"}]}]} , {"conversations": [{"from": "human", "value": "c"}]}]`} {
		f.Add([]byte(seed))
	}
	for _, cases := range [][]fileCase{encodings(), tables(), dumps(), chats()} {
		for _, c := range cases {
			f.Add([]byte(c.content))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, path := range []string{"x.csv", "x.jsonl", "x.txt", "x.json"} {
			files := fstest.MapFS{path: &fstest.MapFile{Data: raw}}
			d := &dataset.File{FS: files, Path: path}
			if strings.HasPrefix(path, "x.json") {
				d.Turns, d.Recorded = len(raw)%3, len(raw)%3 > 1
			}
			conversations, err := d.Conversations(rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				require.Contains(t, err.Error(), path)
				continue
			}
			counted, err := d.Count()
			require.NoError(t, err)
			for _, c := range take(min(20, 2*counted), conversations) {
				require.NoError(t, c.Err)
				require.NotEmpty(t, c.Turns)
				for _, turn := range c.Turns {
					_, err := json.Marshal(turn)
					require.NoError(t, err)
				}
			}
		}
	})
}

// FuzzParquet breaks Parquet files, of prompts and of stored runs.
func FuzzParquet(f *testing.F) {
	var prompts, runs, chats bytes.Buffer
	n := int64(7)
	err := parquet.Write(&prompts, []struct {
		Prompt    string `parquet:"prompt,dict"`
		MaxTokens int64  `parquet:"max_tokens,delta"`
	}{{"a", 1}, {"bc", 2}, {"a", 0}}, parquet.MaxRowsPerRowGroup(2))
	require.NoError(f, err)
	err = parquet.Write(&runs, []struct {
		Due    int64  `parquet:"due_ns,delta"`
		Class  string `parquet:"class,dict"`
		Prompt *int64 `parquet:"prompt_tokens,optional"`
		Output *int64 `parquet:"output_tokens,optional"`
	}{{1, "a", &n, nil}, {2, "b", &n, &n}})
	require.NoError(f, err)
	f.Add(prompts.Bytes())
	f.Add(runs.Bytes())
	one := "one"
	err = parquet.Write(&chats, []struct {
		Prompt []parquetMessage `parquet:"prompt,list"`
		Bound  int64            `parquet:"max_tokens,decimal(2:10)"`
	}{{[]parquetMessage{{"user", &one, nil}, {"assistant", nil, &one}}, 1600}, {nil, 100}})
	require.NoError(f, err)
	f.Add(chats.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		files := fstest.MapFS{"x.parquet": &fstest.MapFile{Data: raw}}
		if played, err := trace.Read(files, "x.parquet"); err != nil {
			require.Contains(t, err.Error(), "x.parquet")
		} else {
			require.NotEmpty(t, played.Requests)
		}
		d := &dataset.File{FS: files, Path: "x.parquet", Turns: len(raw) % 3, Recorded: len(raw)%3 > 1}
		conversations, err := d.Conversations(rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			require.Contains(t, err.Error(), "x.parquet")
			return
		}
		for _, c := range take(10, conversations) {
			if c.Err == nil {
				require.NotEmpty(t, c.Turns)
			}
		}
	})
}
