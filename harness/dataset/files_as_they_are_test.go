package dataset_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

const bom = "\ufeff"

// A fileCase is a file as people have it, and what is made of it.
type fileCase struct {
	kind, path, content string
	turns               int      // of conversations; 0: single prompts
	read                int      // prompts, or requests of a trace
	asks                []string // parts of what is asked, as it is sent
	remark              string   // that a reader is given
	refused             string   // beginning of the error
}

// TestFormats_readFilesAsTheyAre reads the kinds of files that people have, and prints what is made of
// each with -v.
func TestFormats_readFilesAsTheyAre(t *testing.T) {
	t.Logf("%-52s %-10s %s", "kind", "file", "what is made of it")
	groups := [][]fileCase{encodings(), tables(), dumps(), chats()}
	groups = append(groups, columns(t), otherColumns(t))
	for _, cases := range groups {
		for _, c := range cases {
			made := c.check(t)
			t.Logf("%-52s %-10s %s", c.kind, c.path, made)
		}
	}
}

// check reads the file, and returns what is made of it in words.
func (c fileCase) check(t *testing.T) string {
	t.Helper()
	read, remarks, sent, err := c.made(t)
	if c.refused != "" {
		require.Error(t, err, c.kind)
		assert.Contains(t, err.Error(), c.refused, c.kind)
		assert.True(t, strings.HasPrefix(err.Error(), c.path), "%s: an error begins with the file: %v", c.kind, err)
		return "refused: " + err.Error()
	}
	require.NoError(t, err, c.kind)
	assert.Equal(t, c.read, read, c.kind)
	for _, asked := range c.asks {
		assert.Contains(t, sent, asked, c.kind)
	}
	assert.NotContains(t, sent, "\ufffd", c.kind)
	if c.remark == "" {
		assert.Empty(t, remarks, c.kind)
		return fmt.Sprintf("read %d", read)
	}
	assert.Contains(t, remarks, c.remark, c.kind)
	return fmt.Sprintf("read %d; %s", read, remarks)
}

// made is how many are read of the file, what is remarked, and all that is sent.
func (c fileCase) made(t *testing.T) (read int, remarks, sent string, err error) {
	t.Helper()
	files := folder(c.path, c.content)
	d := &dataset.File{FS: files, Path: c.path, Turns: c.turns, Recorded: c.turns > 1}
	count, err := d.Count()
	if err != nil {
		return 0, "", "", err
	}
	defer d.Close()
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	var asked bytes.Buffer
	for _, conversation := range take(count, all) {
		require.NoError(t, conversation.Err, c.kind)
		for _, turn := range conversation.Turns {
			raw, err := json.Marshal(turn)
			require.NoError(t, err)
			asked.Write(raw)
		}
	}
	return count, strings.Join(d.Remarks(), "; "), asked.String(), nil
}

// inUTF16 is a text in UTF-16 with its mark.
func inUTF16(order binary.AppendByteOrder, text string) string {
	out := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func encodings() []fileCase {
	const umlauts = "schön\nüber 😀\n"
	shared := `[{"id": 1, "conversations": [{"from": "human", "value": "schön"}]}]`
	return []fileCase{
		{kind: "text with a BOM", path: "x.txt", content: bom + umlauts, read: 2, asks: []string{`"schön"`, "über 😀"}},
		{kind: "text in UTF-16, little end first", path: "x.txt", content: inUTF16(binary.LittleEndian, umlauts), read: 2, asks: []string{`"schön"`, "über 😀"}},
		{kind: "text in UTF-16, big end first", path: "x.txt", content: inUTF16(binary.BigEndian, umlauts), read: 2, asks: []string{`"schön"`, "über 😀"}},
		{kind: "text whose lines end in CR", path: "x.txt", content: "one\rtwo\rthree", read: 3, asks: []string{`"one"`, `"two"`, `"three"`}},
		{kind: "text whose lines end in CRLF", path: "x.txt", content: "one\r\ntwo\r\n", read: 2, asks: []string{`"one"`, `"two"`}},
		{kind: "text whose lines end in all ways", path: "x.txt", content: "one\ntwo\rthree\r\nfour", read: 4, asks: []string{`"two"`, `"three"`, `"four"`}},
		{kind: "text in Latin-1", path: "x.txt", content: "one\nsch\xf6n\n", refused: "x.txt:2: the text is not UTF-8: there is a byte 0xf6 in it; save the file as UTF-8"},
		{kind: "text in UTF-16 without a BOM", path: "x.txt", content: inUTF16(binary.LittleEndian, umlauts)[2:], refused: "x.txt:1: there is a NUL byte in the text"},
		{kind: "text in UTF-16 that ends in half a character", path: "x.txt", content: inUTF16(binary.LittleEndian, umlauts) + "a", refused: "x.txt:3: a character is incomplete"},
		{kind: "text in UTF-32", path: "x.txt", content: "\xff\xfe\x00\x00a\x00\x00\x00", refused: "x.txt: it is UTF-32; save it as UTF-8"},
		{kind: "packed with gzip", path: "x.jsonl", content: "\x1f\x8b\x08\x00", refused: "x.jsonl: it is compressed with gzip; let its name end in .gz"},
		{kind: "a spreadsheet called .csv", path: "x.csv", content: "PK\x03\x04rest", refused: "x.csv: it is a ZIP archive"},
		{kind: "lines of JSON with a BOM", path: "x.jsonl", content: bom + `{"prompt": "schön"}`, read: 1, asks: []string{"schön"}},
		{kind: "lines of JSON in UTF-16", path: "x.jsonl", content: inUTF16(binary.LittleEndian, `{"prompt": "schön"}`), read: 1, asks: []string{"schön"}},
		{kind: "lines of JSON in Latin-1", path: "x.jsonl", content: "{\"prompt\": \"a\"}\n{\"prompt\": \"sch\xf6n\"}", refused: "x.jsonl:2: the text is not UTF-8"},
		{kind: "lines of JSON, one with half a character", path: "x.jsonl", content: `{"prompt": "a \ud83d"}` + "\n" + `{"prompt": "b \ud83d\ude00"}` + "\n" + `{"prompt": "c \\ud83d"}`, read: 2,
			asks: []string{"b 😀", `c \\ud83d`}, remark: "x.jsonl: 3 prompts: 1 left out (1 with half a character)"},
		{kind: "ShareGPT with a BOM", path: "x.json", content: bom + shared, read: 1, asks: []string{"schön"}},
		{kind: "ShareGPT in UTF-16", path: "x.json", content: inUTF16(binary.BigEndian, shared), read: 1, asks: []string{"schön"}},
		{kind: "ShareGPT in Latin-1", path: "x.json", content: strings.ReplaceAll("[\n"+shared[1:], "ö", "\xf6"), refused: "x.json:2: the text is not UTF-8"},
		{kind: "a table with a BOM before a quote", path: "x.csv", content: bom + "\"prompt\",\"max_tokens\"\r\n\"schön\",16\r\n", read: 1, asks: []string{"schön", `"MaxTokens":16`}},
		{kind: "a table in UTF-16, with tabs, as Excel saves it", path: "x.csv", content: inUTF16(binary.LittleEndian, "prompt\tmax_tokens\r\nschön\t16\r\n"), read: 1, asks: []string{"schön", `"MaxTokens":16`},
			remark: "x.csv is read as separated by tabs, as its header is"},
		{kind: "a table whose lines end in CR", path: "x.csv", content: "prompt,max_tokens\rone,1\r\"two\nlines\",2\r", read: 2, asks: []string{`two\nlines`, `"MaxTokens":2`}},
		{kind: "a table in Latin-1", path: "x.csv", content: "prompt\none\n\"two\nlines\"\nsch\xf6n\n", refused: "x.csv:5: the text is not UTF-8"},
	}
}

func tables() []fileCase {
	return []fileCase{
		{kind: "numbers as pandas writes them", path: "x.csv", content: "prompt,max_tokens\none,16.0\ntwo,\nthree,NaN\nfour,None\nfive, 17 \nsix,1.8e1\n", read: 6,
			asks: []string{`"Text":"one","TokenIDs":null,"Tokens":0,"MaxTokens":16`, `"Text":"two","TokenIDs":null,"Tokens":0,"MaxTokens":0`, `"MaxTokens":17`, `"MaxTokens":18`}},
		{kind: "a number that is not whole", path: "x.csv", content: "prompt,max_tokens\none,16\ntwo,16.5\n", refused: `x.csv:3: max_tokens is "16.5"; it must be a whole number`},
		{kind: "semicolons, and a comma in the number", path: "x.csv", content: "prompt;max_tokens\n\"one; two\";16,0\nthree, four;17\n", read: 2, asks: []string{"one; two", `"MaxTokens":16`, "three, four"},
			remark: "x.csv is read as separated by semicolons, as its header is"},
		{kind: "a comma that may be of thousands", path: "x.csv", content: "prompt;max_tokens\none;1,000\n", refused: `x.csv:2: max_tokens is "1,000"; it must be a whole number`},
		{kind: "names of columns as people write them", path: "x.csv", content: "ID,Prompt,Max Tokens\n1,one,16\n", read: 1, asks: []string{`"MaxTokens":16`}},
		{kind: "empty rows and cells at the end", path: "x.csv", content: "prompt,max_tokens\none,16,\n,\n\n,,\ntwo,\n", read: 2, asks: []string{"one", "two"}},
		{kind: "one prompt of many is empty", path: "x.csv", content: "id,prompt\n1,one\n2,\n3,three\n4,NaN\n5,five\n", read: 3, remark: "x.csv: 5 prompts: 2 left out (2 with an empty prompt)"},
		{kind: "most prompts are empty", path: "x.csv", content: "id,prompt\n1,one\n2,\n3,\n", refused: "x.csv:3: the prompt is empty; 2 of 3 prompts cannot be asked (2 with an empty prompt)"},
		{kind: "a mistake after cells of several lines", path: "x.csv", content: "prompt,max_tokens\n\"a\nb\nc\",1\n\"d\ne\",many\n", refused: `x.csv:5: max_tokens is "many"`},
		{kind: "a comma that should stand between quotes", path: "x.csv", content: "prompt,max_tokens\none, two,16\n", refused: "x.csv:2: the row has 3 cells, and there are 2 columns; put a text with commas"},
		{kind: "a quote within a cell", path: "x.csv", content: "prompt\nsay \"hello\" now\n", refused: "x.csv:2: there is a quote in a cell that does not begin with one"},
		{kind: "a quote that is not closed", path: "x.csv", content: "prompt\none\n\"two\nthree\n", refused: "x.csv:3: a quote of this row is not closed"},
		{kind: "messages in a cell", path: "x.csv", content: "messages\n\"[{\"\"role\"\": \"\"user\"\", \"\"content\"\": \"\"hello\"\"}]\"\n", read: 1, asks: []string{`"role":"user","content":"hello"`}},
		{kind: "messages as Python prints them", path: "x.csv", content: "messages\n\"[{'role': 'user', 'content': 'hello'}]\"\n", refused: "x.csv:2: the messages are"},
		{kind: "nothing at all", path: "x.csv", content: "", refused: "x.csv: it is empty"},
	}
}

func dumps() []fileCase {
	dump := func(conversations ...string) string { return "[" + strings.Join(conversations, ", ") + "]" }
	talk := func(n int) string {
		return fmt.Sprintf(`{"id": "c%d", "conversations": [{"from": "human", "value": "question %d"}, {"from": "gpt", "value": "answer %d"}, {"from": "human", "value": "and %d?"}]}`, n, n, n, n)
	}
	return []fileCase{
		{kind: "ids that are numbers, null or missing", path: "x.json", content: dump(strings.Replace(talk(1), `"c1"`, "1", 1), strings.Replace(talk(2), `"c2"`, "null", 1), strings.Replace(talk(3), `"id": "c3", `, "", 1)), read: 3},
		{kind: "role and content, role and value", path: "x.json", content: dump(`{"conversations": [{"role": "user", "content": "one"}]}`, `{"conversations": [{"role": "user", "value": "two"}]}`, `{"conversations": [{"from": "Human", "value": "three"}]}`), read: 3,
			asks: []string{"one", "two", "three"}},
		{kind: "lists under other names", path: "x.json", content: dump(`{"messages": [{"role": "user", "content": "one"}]}`, `{"conversation": [{"role": "user", "content": "two"}]}`, `{"items": [{"from": "human", "value": "three"}]}`), read: 3, asks: []string{"one", "two", "three"}},
		{kind: "one conversation each line", path: "x.jsonl", content: talk(1) + "\n\n" + talk(2) + "\r\n" + talk(3), read: 3, asks: []string{"question 1", "question 3"}},
		{kind: "the same, called .json", path: "x.json", content: talk(1) + "\n" + talk(2) + "\n", read: 2, asks: []string{"question 2"}},
		{kind: "a JSON array, called .jsonl", path: "x.jsonl", content: dump(talk(1), talk(2)), read: 2, asks: []string{"question 2"}},
		{kind: "one conversation", path: "x.json", content: talk(1), read: 1, asks: []string{"question 1"}},
		{kind: "lines of messages as conversations with turns", path: "x.jsonl", turns: 2, read: 1, asks: []string{"and?"},
			content: `{"messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "and?"}]}`},
		{kind: "voices of all kinds", path: "x.json", turns: 2, read: 1, asks: []string{`{"role":"assistant","content":"f()"},{"role":"tool","content":"7"}`},
			content: dump(`{"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "one"}, {"from": "function_call", "value": "f()"}, {"from": "observation", "value": "7"}, {"from": "bing", "value": "seven"}, {"from": "human", "value": "and?"}]}`)},
		{kind: "one without turns", path: "x.json", content: dump(talk(1), `{"id": "c2", "conversations": []}`, `{"id": "c3", "conversations": null}`, talk(4), talk(5)), read: 3, remark: "x.json: 5 conversations: 2 left out (2 without turns)"},
		{kind: "one with an empty question", path: "x.json", content: dump(talk(1), `{"conversations": [{"from": "human", "value": " "}]}`, `{"conversations": [{"from": "human", "value": null}]}`, talk(4)), read: 2, remark: "2 left out (2 with an empty user's turn)"},
		{kind: "one with answers only", path: "x.json", content: dump(talk(1), `{"conversations": [{"from": "gpt", "value": "a"}]}`), read: 1, remark: "1 left out (1 without a user's turn)"},
		{kind: "one that is said by a narrator", path: "x.json", content: dump(talk(1), `{"conversations": [{"from": "narrator", "value": "a"}]}`), read: 1, remark: "1 left out (1 with a turn of an unknown role)"},
		{kind: "conversations that are too short", path: "x.json", turns: 2, content: dump(`{"conversations": [{"from": "human", "value": "a"}]}`, `{"conversations": [{"from": "human", "value": "a"}]}`, talk(1)), read: 1, remark: "3 conversations: 2 left out (2 with too few turns)"},
		{kind: "most have nothing to ask", path: "x.json", content: dump(talk(1), `{"id": "c2", "conversations": [{"from": "gpt", "value": "a"}]}`, `{"conversations": []}`, `{"conversations": [{"from": "gpt", "value": "a"}]}`),
			refused: `x.json: conversation 2 ("c2"): no user turn; 3 of 4 conversations cannot be asked (1 without turns, 2 without a user's turn)`},
		{kind: "prompts, and no conversations", path: "x.json", content: dump(`{"prompt": "a"}`, `{"prompt": "b"}`), refused: "x.json:1: conversation 1: it is no conversation with turns"},
		{kind: "a mistake on the one line", path: "x.json", content: dump(talk(1), `{"id": "c2", "conversations": [{"from": }]}`), refused: "x.json: conversation 2: invalid character '}'"},
		{kind: "a mistake on its own line", path: "x.json", content: "[" + talk(1) + ",\n" + `{"id": "c2", "conversations": [{"from": }]}]`, refused: "x.json:2: conversation 2: invalid character '}'"},
	}
}

func chats() []fileCase {
	line := func(messages string) string { return `{"messages": [` + messages + "]}\n" }
	return []fileCase{
		{kind: "an empty answer in a chat", path: "x.jsonl", content: line(`{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}, {"role": "user", "content": "b"}`), read: 1, asks: []string{`{"role":"assistant","content":""}`}},
		{kind: "an answer that is null", path: "x.jsonl", content: line(`{"role": "user", "content": "a"}, {"role": "assistant", "content": null}`), read: 1, asks: []string{`{"content":null,"role":"assistant"}`}},
		{kind: "a tool that says nothing", path: "x.jsonl", content: line(`{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "1", "content": ""}`), read: 1, asks: []string{`{"content":"","role":"tool","tool_call_id":"1"}`}},
		{kind: "thoughts without an answer", path: "x.jsonl", content: line(`{"role": "user", "content": "a"}, {"role": "assistant", "reasoning_content": "hm"}`), read: 1, asks: []string{`{"reasoning_content":"hm","role":"assistant"}`}},
		{kind: "parts of all kinds", path: "x.jsonl", read: 1, asks: []string{`"input_audio"`, `"refusal"`, `"plain"`},
			content: line(`{"role": "user", "content": [{"type": "text", "text": ""}, {"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}, "plain"]}, {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}, {"role": "tool", "content": []}`)},
		{kind: "one empty prompt", path: "x.jsonl", content: `{"prompt": "a"}` + "\n" + `{"prompt": ""}` + "\n" + `{"prompt": null}` + "\n" + `{"prompt": "b"}` + "\n", read: 2, remark: "x.jsonl: 4 prompts: 2 left out (2 with an empty prompt)"},
		{kind: "one chat in which nothing is said", path: "x.jsonl", content: `{"prompt": "a"}` + "\n" + line(`{"role": "user", "content": ""}`), read: 1, remark: "1 left out (1 with an empty prompt)"},
		{kind: "messages under prompt", path: "x.jsonl", content: `{"prompt": [{"role": "user", "content": "a"}]}`, read: 1, asks: []string{`"role":"user","content":"a"`}},
		{kind: "several prompts on a line", path: "x.jsonl", content: `{"prompt": ["a", "b"]}`, refused: `x.jsonl:1: "prompt" is a list; it may be`},
		{kind: "a line without a prompt", path: "x.jsonl", content: `{"prompt": "a"}` + "\n" + `{"id": 7}`, refused: `x.jsonl:2: the line has no "prompt" and no "messages"`},
	}
}

// asParquet writes rows, and returns the file.
func asParquet[T any](t *testing.T, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, parquet.Write(&out, rows, options...))
	return out.String()
}

type parquetMessage struct {
	Role    string  `parquet:"role"`
	Content *string `parquet:"content,optional"`
	Name    *string `parquet:"name,optional"`
}

func columns(t *testing.T) []fileCase {
	type chat struct {
		Prompt []parquetMessage `parquet:"prompt,list"`
	}
	type saidBy struct {
		From  string `parquet:"from"`
		Value string `parquet:"value"`
	}
	one, two := "one", "two"
	first := asParquet(t, []chat{{[]parquetMessage{{"system", &two, nil}, {"user", &one, nil}}}, {[]parquetMessage{{"user", &two, &one}, {"assistant", nil, nil}}}})
	return []fileCase{
		{kind: "a prompt that is a list of messages", path: "x.parquet", content: first, read: 2,
			asks: []string{`[{"role":"system","content":"two"},{"role":"user","content":"one"}]`, `{"content":"two","name":"one","role":"user"}`, `{"content":null,"role":"assistant"}`}},
		{kind: "a column of messages beside others", path: "x.parquet", read: 1, asks: []string{`"role":"user","content":"one"`}, content: asParquet(t, []struct {
			ID       int64            `parquet:"id"`
			Messages []parquetMessage `parquet:"messages,list"`
			Bound    int32            `parquet:"Max Tokens"`
		}{{7, []parquetMessage{{"user", &one, nil}}, 9}})},
		{kind: "conversations", path: "x.parquet", read: 1, asks: []string{"one"}, remark: "2 conversations: 1 left out (1 without turns)", content: asParquet(t, []struct {
			Conversations []saidBy `parquet:"conversations,list"`
		}{{[]saidBy{{"human", "one"}, {"gpt", "two"}}}, {}})},
		{kind: "conversations with turns", path: "x.parquet", turns: 2, read: 1, asks: []string{`"assistant"`, "three"}, content: asParquet(t, []struct {
			Conversations []saidBy `parquet:"conversations,list"`
		}{{[]saidBy{{"human", "one"}, {"gpt", "two"}, {"human", "three"}}}})},
		{kind: "token ids", path: "x.parquet", read: 2, asks: []string{`"TokenIDs":[1,2,3]`}, content: asParquet(t, []struct {
			Prompt []int64 `parquet:"prompt,list"`
		}{{[]int64{1, 2, 3}}, {[]int64{4}}})},
	}
}

// otherColumns are columns that cannot be asked, and numbers as columns have them.
func otherColumns(t *testing.T) []fileCase {
	one := "one"
	return []fileCase{
		{kind: "a list of texts", path: "x.parquet", refused: `x.parquet: the column "prompt" is a list of texts; it must be a text, a list of token ids, or a list of messages`, content: asParquet(t, []struct {
			Prompt []string `parquet:"prompt,list"`
		}{{[]string{"a"}}})},
		{kind: "a struct", path: "x.parquet", refused: `x.parquet: the column "prompt" is a struct of text, id; it must be a text`, content: asParquet(t, []struct {
			Prompt struct {
				Text string `parquet:"text"`
				ID   int64  `parquet:"id"`
			} `parquet:"prompt"`
		}{{}})},
		{kind: "numbers for prompts", path: "x.parquet", refused: `x.parquet: the column "prompt" is a number`, content: asParquet(t, []struct {
			Prompt int64 `parquet:"prompt"`
		}{{7}})},
		{kind: "messages that are texts", path: "x.parquet", read: 1, asks: []string{`"role":"user","content":"one"`}, content: asParquet(t, []struct {
			Messages string `parquet:"messages"`
		}{{`[{"role": "user", "content": "one"}]`}})},
		{kind: "no rows", path: "x.parquet", refused: "x.parquet: it is empty", content: asParquet(t, []struct {
			Prompt string `parquet:"prompt"`
		}{})},
		{kind: "an empty file", path: "x.parquet", refused: "x.parquet: it is no Parquet file: it has 0 bytes"},
		{kind: "a name in capitals, one null, a decimal", path: "x.parquet", read: 1, asks: []string{"one", `"MaxTokens":16`}, remark: "x.parquet: 2 prompts: 1 left out (1 with an empty prompt)", content: asParquet(t, []struct {
			Prompt *string `parquet:"PROMPT,optional"`
			Bound  int64   `parquet:"max_tokens,decimal(2:10)"`
		}{{&one, 1600}, {nil, 1600}})},
		{kind: "a decimal in 32 bits", path: "x.parquet", read: 1, asks: []string{`"MaxTokens":16`}, content: asParquet(t, []struct {
			Prompt string `parquet:"prompt"`
			Bound  int32  `parquet:"max_tokens,decimal(1:9)"`
		}{{"one", 160}})},
		{kind: "a decimal that is not whole", path: "x.parquet", refused: `x.parquet:1: max_tokens is "16.5"; it must be a whole number`, content: asParquet(t, []struct {
			Prompt string `parquet:"prompt"`
			Bound  int64  `parquet:"max_tokens,decimal(2:10)"`
		}{{"one", 1650}})},
		{kind: "a bound that is a float", path: "x.parquet", read: 1, asks: []string{`"MaxTokens":16`}, content: asParquet(t, []struct {
			Prompt string  `parquet:"prompt"`
			Bound  float64 `parquet:"max_tokens"`
		}{{"one", 16}})},
	}
}
