package dataset_test

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

const mtBench = `{"question_id": 81, "category": "writing", "turns": ["Compose a blog post.", "Rewrite it."], "reference": ["", ""]}
{"question_id": 82, "category": "writing", "turns": ["Draft an email.", "Criticize it."]}
{"question_id": 83, "category": "math", "turns": ["What is 2+2?"]}
`

func TestMTBench_asksItsTurnsOneAfterTheOther(t *testing.T) {
	d := &dataset.File{FS: folder("question.jsonl", mtBench), Path: "question.jsonl", Turns: 2}
	n, err := d.Count()
	require.NoError(t, err)
	assert.Equal(t, 2, n, "the one with one turn is left out")
	all, err := d.Conversations(stream(1))
	require.NoError(t, err)
	for _, c := range take(n, all) {
		require.NoError(t, c.Err)
		require.Len(t, c.Turns, 2)
		assert.True(t, c.GoesOn, "from the server's own answers")
		assert.Equal(t, "user", c.Turns[1].Messages[0].Role)
	}
	assert.Empty(t, d.Warnings())
	raw, err := dataset.Describe(d)
	require.NoError(t, err)
	assert.JSONEq(t, `{"kind": "mt-bench", "path": "question.jsonl", "turns": 2}`, string(raw))

	single := &dataset.File{FS: folder("question.jsonl", mtBench), Path: "question.jsonl"}
	n, err = single.Count()
	require.NoError(t, err)
	assert.Equal(t, 3, n)

	recorded := &dataset.File{FS: folder("question.jsonl", mtBench), Path: "question.jsonl", Turns: 2, Recorded: true}
	_, err = recorded.Count()
	assert.ErrorContains(t, err, "question.jsonl:1: question 1: it has no recorded answers; write: conversations have 2 turns")
}

// training are files of data sets for training.
func training(t *testing.T) []fileCase {
	t.Helper()
	type task struct {
		Instruction string `parquet:"instruction"`
		Input       string `parquet:"input"`
		Output      string `parquet:"output"`
	}
	type maths struct {
		Question string `parquet:"question"`
		Answer   string `parquet:"answer"`
	}
	type page struct {
		Text []string `parquet:"text,list"`
	}
	var tasks, questions, pages bytes.Buffer
	require.NoError(t, parquet.Write(&tasks, []task{{"Sum it up.", "A long text.", "Short."}, {"Say hello.", "", "Hello."}}))
	require.NoError(t, parquet.Write(&questions, []maths{{"What is 2+2?", "4"}}))
	require.NoError(t, parquet.Write(&pages, []page{{[]string{"a"}}}))
	chat := `{"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}, {"role": "assistant", "content": "the answer"}]`
	return []fileCase{
		{kind: "chats for fine-tuning", path: "x.jsonl", content: chat + "}\n" + chat + `, "tools": []}`, read: 2, asks: []string{`"role":"user","content":"hi"`}, remark: "x.jsonl: the answers that its chats end in are not asked"},
		{kind: "an answer that is to be continued", path: "x.jsonl", content: chat + `, "continue_final_message": true, "add_generation_prompt": false}`, read: 1, asks: []string{"the answer"}},
		{kind: "a request that ends in an answer", path: "x.jsonl", content: `{"body": ` + chat + "}}", read: 1, asks: []string{"the answer"}},
		{kind: "questions and answers in JSON", path: "x.jsonl", content: `{"question": "What is 2+2?", "answer": "4"}`, read: 1, asks: []string{`"role":"user","content":"What is 2+2?"`}},
		{kind: "texts in JSON", path: "x.jsonl", content: `{"text": "Once upon a time", "url": "u", "timestamp": "t"}`, read: 1, asks: []string{`"Text":"Once upon a time"`}},
		{kind: "an empty question among others", path: "x.jsonl", content: `{"question": "a"}` + "\n" + `{"question": " "}`, read: 1, remark: "1 left out (1 with an empty prompt)"},
		{kind: "instructions in a table", path: "x.csv", content: "instruction,input,output\nSum it up.,A long text.,Short.\nSay hello.,,Hello.\n", read: 2, asks: []string{`Sum it up.\nA long text.`, `"content":"Say hello."`}},
		{kind: "questions in a table", path: "x.csv", content: "Question,Answer\nWhat is 2+2?,4\n", read: 1, asks: []string{`"role":"user","content":"What is 2+2?"`}},
		{kind: "instructions in columns", path: "x.parquet", content: tasks.String(), read: 2, asks: []string{`Sum it up.\nA long text.`, `"content":"Say hello."`}},
		{kind: "questions in columns", path: "x.parquet", content: questions.String(), read: 1, asks: []string{`"role":"user","content":"What is 2+2?"`}},
		{kind: "lists of texts in columns", path: "x.parquet", content: pages.String(), refused: `x.parquet: the column "text" is a list of texts; it must be a text`},
	}
}

func TestTraining_dataSetsAreAskedAsTheyAre(t *testing.T) {
	for _, c := range training(t) {
		t.Logf("%-40s %-10s %s", c.kind, c.path, c.check(t))
	}
	d := &dataset.File{FS: folder("x.jsonl", `{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "the answer"}]}`), Path: "x.jsonl"}
	assert.NotContains(t, asked(t, d), "the answer")
}
