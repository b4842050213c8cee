package trace_test

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/trace"
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

// bom is the byte order mark that programs for Windows put in front of a text in UTF-8.
const bom = "\ufeff"

// A fileCase is a trace as people have it, and what is to be made of it.
type fileCase struct {
	kind, path, content string
	read                int      // requests
	asks                []string // what is among them
	remark              string   // what is remarked of the file
	refused             string   // why it is not read; the error begins with the file
}

func TestRead_takesTracesAsTheyAre(t *testing.T) {
	for _, c := range fileCases() {
		t.Run(c.kind, func(t *testing.T) {
			played, err := trace.Read(folder(c.path, c.content), c.path)
			if err == nil {
				err = played.Units()
			}
			if c.refused != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), c.refused)
				assert.True(t, strings.HasPrefix(err.Error(), c.path), "an error begins with the file: %v", err)
				return
			}
			require.NoError(t, err)
			count, err := played.Count()
			require.NoError(t, err)
			assert.Equal(t, c.read, count)
			requests := fmt.Sprint(played.Requests)
			for _, asked := range c.asks {
				assert.Contains(t, requests, asked)
			}
			if c.remark == "" {
				assert.Empty(t, played.Warnings())
				return
			}
			assert.Contains(t, strings.Join(played.Warnings(), "; "), c.remark)
		})
	}
}

func fileCases() []fileCase {
	const azure = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
	return []fileCase{
		{kind: "a trace with a BOM before a quote", path: "trace.csv", content: bom + "\"TIMESTAMP\",ContextTokens,GeneratedTokens\n1,2,3\n", read: 1},
		{kind: "lengths as pandas writes them", path: "trace.csv", content: azure + "2023-11-16 18:17:00,600.0,8.0\n2023-11-16 18:17:01, 601 ,8\n", read: 2, asks: []string{"{0s 600 8", "{1s 601 8"}},
		{kind: "a length that is missing", path: "trace.csv", content: azure + "1,,8\n2,600,8\n3,600,NaN\n4,600,8\n", read: 2, remark: "trace.csv: 4 requests: 2 left out (2 without the length of a prompt or an answer)"},
		{kind: "instants with T and Z", path: "trace.csv", content: azure + "2023-11-16T18:17:00Z,600,8\n2023-11-16T19:17:02.5+01:00,600,8\n2023-11-16T18:17:03.25+0000,600,8\n", read: 3, asks: []string{"{2.5s 600", "{3.25s 600"}},
		{kind: "seconds since 1970", path: "trace.csv", content: azure + "1760000000,600,8\n1760000001.123456789,600,8\n", read: 2, asks: []string{"{1.123456789s 600"}},
		{kind: "milliseconds since 1970", path: "trace.csv", content: azure + "1760000000000,600,8\n1760000001500,600,8\n", read: 2, asks: []string{"{1.5s 600"}},
		{kind: "a column that says milliseconds", path: "trace.csv", content: "arrival_time_ms,num_prefill_tokens,num_decode_tokens\n0,600,8\n1500,600,8\n", read: 2, asks: []string{"{1.5s 600"}},
		{kind: "columns as others call them", path: "trace.csv", content: "id;arrived_at;prompt_tokens;output_tokens\na;0.5;600;8\nb;1.5;601;9\n", read: 2, asks: []string{"{1s 601 9"}, remark: "trace.csv is read as separated by semicolons"},
		{kind: "cells of several lines", path: "trace.csv", content: "timestamp,text,input_length,output_length\n1,\"a\nb\",600,8\n2,c,600,8\n", read: 2, asks: []string{"{1s 600"}},
		{kind: "a mistake after cells of several lines", path: "trace.csv", content: "timestamp,text,input_length,output_length\n1,\"a\nb\",600,8\n2,c,many,8\n", refused: `trace.csv:4: the length of the prompt is "many"`},
		{kind: "empty lines", path: "trace.csv", content: azure + "1,600,8\n\n,,\n2,600,8\n\n", read: 2},
		{kind: "empty lines in JSON", path: "trace.jsonl", content: `{"timestamp": 0, "input_length": 600, "output_length": 8}` + "\n\n" + `{"timestamp": 500, "input_length": 600, "output_length": 8}` + "\n\n", read: 2, asks: []string{"{500ms 600"}},
		{kind: "JSON with a BOM, floats, texts and null", path: "trace.jsonl", content: bom + `{"timestamp": "2023-11-16T18:17:00Z", "input_length": 600.0, "output_length": "8"}` + "\n" + `{"timestamp": "2023-11-16T18:17:01Z", "input_length": null, "output_length": 8}`,
			read: 1, remark: "2 requests: 1 left out (1 without the length"},
		{kind: "a JSON array", path: "trace.json", content: `[{"timestamp": 0, "prompt_tokens": 600, "completion_tokens": 8},` + "\n" + `{"timestamp": 500, "prompt_tokens": 601, "completion_tokens": 8}]`, read: 2, asks: []string{"{500ms 601"}},
		{kind: "a mistake in a JSON array", path: "trace.json", content: "[{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 8},\n{\"input_length\": 1}]", refused: `trace.json:2: there is no "timestamp"`},
		{kind: "a request that failed, in JSON", path: "trace.jsonl", content: `{"timestamp": 0, "input_length": 600, "output_length": 8}` + "\n" + `{"timestamp": 500, "input_length": 600, "output_length": 0}`, read: 1, remark: "1 left out (1 that failed, with an answer of 0 tokens)"},
		{kind: "rows that are a little out of order", path: "trace.csv", content: azure + "1,600,8\n3,603,8\n2,602,8\n4,600,8\n", read: 4, asks: []string{"{1s 602 8 []  } {2s 603"}, remark: "its rows are not in the order of their instants, by up to 1 s; they are sorted"},
		{kind: "rows that are far out of order", path: "trace.csv", content: azure + "4000,600,8\n5,600,8\n", refused: "trace.csv:3: the request came 1.11 hours before one ahead of it; sort the rows by their instants"},
		{kind: "an instant that is none", path: "trace.csv", content: azure + "1,600,8\nnoon,600,8\n", refused: `trace.csv:3: "noon" is no instant`},
		{kind: "a cell too few", path: "trace.csv", content: azure + "1,600,8\n2,600\n", refused: "trace.csv:3: the row has 2 cells, and there are 3 columns"},
		{kind: "semicolons and commas in numbers", path: "trace.csv", content: "timestamp;input_length;output_length\n0,5;600,0;8\n1,75;601;8\n", read: 2, asks: []string{"{1.25s 601"}, remark: "trace.csv is read as separated by semicolons"},
		{kind: "instants alone", path: "trace.csv", content: "id,timestamp\na,1\nb,2\n", read: 2, asks: []string{"{1s 0 0"}},
		{kind: "most requests failed", path: "trace.csv", content: azure + "1,600,0\n2,600,0\n3,600,8\n", refused: "trace.csv:2: the answer has 0 tokens: the request failed; 2 of 3 requests cannot be asked"},
		{kind: "nothing but empty lines", path: "trace.csv", content: "\n\n", refused: "trace.csv: there is no request in it"},
	}
}

// TestTrace_largeOneIsReadAsItIsPlayed has more requests than are held, some out of order.
func TestTrace_largeOneIsReadAsItIsPlayed(t *testing.T) {
	const n = 250_000
	var text bytes.Buffer
	text.WriteString("TIMESTAMP,ContextTokens,GeneratedTokens\n")
	for i := range n {
		at := i
		if i%10 == 0 {
			at += 15 // it was written down too early
		}
		fmt.Fprintf(&text, "%d.%02d,%d,%d\n", 1000+at/100, at%100, 1+at%50, 1+i%7)
	}
	played, err := trace.Read(fstest.MapFS{"x.csv": {Data: text.Bytes()}}, "x.csv")
	require.NoError(t, err)
	require.False(t, played.Held())
	require.NoError(t, played.Units())
	count, err := played.Count()
	require.NoError(t, err)
	assert.Equal(t, n, count)
	assert.Contains(t, played.Warnings()[0], "by up to 140 ms; they are sorted")
	for range 2 { // it can be played again
		conversations, err := played.Conversations(stream(1))
		require.NoError(t, err)
		var prompts []harness.Conversation
		for c := range conversations {
			if prompts = append(prompts, c); len(prompts) == 1000 {
				break
			}
		}
		last, drawn := int64(-1), 0
		for at := range played.Times {
			require.GreaterOrEqual(t, int64(at), last)
			if last = int64(at); drawn < len(prompts) { // the instant says the length
				hundredths := int(at.Milliseconds()/10) + 1
				require.Equal(t, 1+hundredths%50, prompts[drawn].Turns[0].Tokens)
			}
			drawn++
		}
		assert.Equal(t, n, drawn)
		assert.Equal(t, played.Last().Nanoseconds(), last)
	}
	require.NoError(t, played.Close())
}
