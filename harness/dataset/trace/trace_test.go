package trace_test

import (
	"bytes"
	"context"
	"io/fs"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/fixtures"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
)

// at once is a client whose server answers without taking time.
type atOnce struct{}

func (atOnce) Ask(_ context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		yield(harness.Chunk{At: time.Now(), Text: "a", Finish: "stop", Usage: &harness.Usage{PromptTokens: len(p.TokenIDs), OutputTokens: p.MaxTokens}}, nil)
	}
}

// listed reads a trace once more, in another way: instants in microseconds since
// the first one, and lengths.
func listed(t *testing.T, raw string, row func(line string) (instant string, prompt, answer string)) (micros []int64, prompts, answers []int) {
	t.Helper()
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		return n
	}
	for line := range strings.Lines(raw) {
		if strings.HasPrefix(strings.ToUpper(line), "TIMESTAMP") {
			continue
		}
		at, prompt, answer := row(strings.TrimSpace(line))
		if answer == "0" {
			continue
		}
		clock := strings.SplitN(at, " ", 2)
		seconds := clock[len(clock)-1]
		total := 0.0
		for part := range strings.SplitSeq(strings.TrimSuffix(seconds, "+00:00"), ":") {
			v, err := strconv.ParseFloat(part, 64)
			require.NoError(t, err)
			total = total*60 + v
		}
		micros = append(micros, int64(total*1e6+.5))
		prompts, answers = append(prompts, number(prompt)), append(answers, number(answer))
	}
	for i := len(micros) - 1; i >= 0; i-- {
		micros[i] -= micros[0]
	}
	return micros, prompts, answers
}

func TestTrace_isPlayedToTheMicrosecond(t *testing.T) {
	csv := func(at, prompt, answer int) func(string) (string, string, string) {
		return func(line string) (string, string, string) {
			fields := strings.Split(line, ",")
			return fields[at], fields[prompt], fields[answer]
		}
	}
	mooncake := func(line string) (string, string, string) {
		field := func(name string) string {
			_, after, _ := strings.Cut(line, `"`+name+`": `)
			value, _, _ := strings.Cut(after, ",")
			return value
		}
		ms := field("timestamp")
		whole := strings.Repeat("0", max(0, 4-len(ms))) + ms
		return whole[:len(whole)-3] + "." + whole[len(whole)-3:], field("input_length"), field("output_length")
	}
	for name, row := range map[string]func(string) (string, string, string){
		"azure-2023.csv": csv(0, 1, 2), "azure-2024.csv": csv(0, 1, 2), "burstgpt.csv": csv(0, 2, 3), "mooncake.jsonl": mooncake,
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := fs.ReadFile(fixtures.Files(), "traces/"+name)
			require.NoError(t, err)
			micros, prompts, answers := listed(t, string(raw), row)
			played, err := trace.Read(fixtures.Files(), "traces/"+name)
			require.NoError(t, err)
			require.Len(t, played.Requests, len(micros))
			synctest.Test(t, func(t *testing.T) {
				run, err := harness.Runner{Client: atOnce{}}.Run(t.Context(), harness.Scenario{
					Dataset: played, Load: harness.Open{Arrivals: arrival.Listed{Instants: played.Instants()}, Requests: len(micros)}})
				require.NoError(t, err)
				i := 0
				for r := range run.Records {
					assert.InDelta(t, micros[i], r.Sent.Microseconds(), 1, "request %d", i)
					assert.Equal(t, []int{prompts[i], answers[i]}, []int{r.PromptTokens, r.OutputTokens})
					i++
				}
				assert.Equal(t, len(micros), i)
			})
		})
	}
}

func TestBlocks_ofOneNameAreOneText(t *testing.T) {
	played := trace.Trace{Requests: []trace.Request{{Prompt: 1200, Answer: 1, Blocks: []int{7, 8, 9}}, {Prompt: 1030, Answer: 1, Blocks: []int{7, 8, 10}}, {Prompt: 600, Answer: 1}}}
	conversations, err := played.Conversations(rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	var prompts [][]int
	for c := range conversations {
		prompts = append(prompts, c.Turns[0].TokenIDs)
	}
	assert.Equal(t, prompts[0][:1024], prompts[1][:1024])
	assert.NotEqual(t, prompts[0][1024:1030], prompts[1][1024:])
	assert.NotEqual(t, prompts[0][:512], prompts[2][:512], "a piece without a name is like no other")
}

func TestTrace_thatCannotBeReadSaysWhere(t *testing.T) {
	for says, content := range map[string]string{
		"x: there is no request in it":                                       "",
		"x: there is no request in it\x00":                                   "TIMESTAMP,ContextTokens,GeneratedTokens\n",
		"x:1: the columns are":                                               "a,b,c\n1,2,3\n",
		`x:2: "noon" is no instant`:                                          "TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,2,3\n",
		`x:3: the length of the prompt is "many"; it must be a whole number`: "TIMESTAMP,ContextTokens,GeneratedTokens\n1,2,3\n1,many,3\n",
		"x:3: the request came 1.11 hours before one ahead of it":            "TIMESTAMP,ContextTokens,GeneratedTokens\n5000,2,3\n1001,2,3\n",
		`x:2: there is no "timestamp"`:                                       `{"timestamp": 1, "input_length": 1, "output_length": 1}` + "\n{}\n",
		"x:1: a quote of this row is not closed":                             "\"a\n",
	} {
		_, err := trace.Read(fstest.MapFS{"x": &fstest.MapFile{Data: []byte(content)}}, "x")
		want, _, _ := strings.Cut(says, "\x00")
		assert.ErrorContains(t, err, want)
	}
	_, err := trace.Trace{Name: "y", Requests: []trace.Request{{Prompt: 0, Answer: 1}}}.Conversations(nil)
	assert.ErrorContains(t, err, "say beside the trace what is asked")
}

func FuzzTraces(f *testing.F) {
	for _, seed := range []string{"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:01:51.68,2,3\n", `{"timestamp": 1, "input_length": 1, "output_length": 1, "hash_ids": [1]}`, "Timestamp,Request tokens,Response tokens\n1,2,3\n"} {
		f.Add([]byte(seed))
	}
	for _, c := range fileCases() {
		f.Add([]byte(c.content))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		played, err := trace.Read(fstest.MapFS{"x.y": &fstest.MapFile{Data: bytes.Clone(raw)}}, "x.y")
		if err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "x.y:"), err)
			require.NotContains(t, err.Error(), "strconv")
			return
		}
		count, err := played.Count()
		require.NoError(t, err)
		require.Len(t, played.Requests, count)
		last := time.Duration(0)
		for _, at := range played.Instants() {
			require.GreaterOrEqual(t, at, last)
			last = at
		}
	})
}
