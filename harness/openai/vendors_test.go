package openai_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readBy is what another client made of an answer.
type readBy struct {
	Text, Finish, Error string
	Output              int
}

// failed reports whether it is no whole answer: these clients do not ask for a finish
// reason.
func (r readBy) failed() bool { return r.Error != "" || r.Finish == "" }

// A difference is one on purpose between another client and ours.
type difference struct {
	client  string // "openai", "httpx-sse", or "*" for both
	pattern string // of kind/name, as path.Match has it
	why     string
}

// completion is the same answer of the other interface: of completions.
func completion(s string) string {
	return strings.NewReplacer(`"delta":{"role":"assistant","content":""}`, `"text":""`, `"delta":{}`, `"text":""`, `"delta":{"content":"Red"}`, `"text":"Red"`,
		`"delta":{"content":" fox"}`, `"text":" fox"`, "chat.completion.chunk", "text_completion").Replace(s)
}

// TestStream_isReadAsOtherClientsReadIt holds what we make of answers against OpenAI's own
// client and against httpx-sse. Where we differ, it is on purpose, and listed.
func TestStream_isReadAsOtherClientsReadIt(t *testing.T) {
	if err := exec.Command("python3", "-c", "import openai, httpx, httpx_sse").Run(); err != nil {
		t.Skip("OpenAI's client and httpx-sse are not here; to run this test: pip install openai httpx httpx-sse")
	}
	all := situations()
	type asked struct {
		URL  string `json:"url"`
		Chat bool   `json:"chat"`
	}
	var cases []asked
	var answers []rawAnswer
	for _, s := range all {
		cases, answers = append(cases, asked{Chat: true}), append(answers, s.answer)
	}
	for _, s := range all {
		if s.kind == "line ends" || s.kind == "ends" {
			s.name, s.answer.pieces = s.name+", of completions", []string{completion(strings.Join(s.answer.pieces, ""))}
			all, cases, answers = append(all, s), append(cases, asked{}), append(answers, s.answer)
		}
	}
	url := answeringRaw(t, answers)
	for i := range cases {
		cases[i].URL = fmt.Sprintf("%s/case/%d", url, i)
	}
	others := readByOthers(t, cases)
	require.Len(t, others, len(all))
	require.Greater(t, len(all), 200)
	used := map[difference]bool{}
	same := 0
	for i, s := range all {
		prompt := hello
		if cases[i].Chat {
			prompt = chat
		}
		c := clientOf(cases[i].URL)
		ours := outcomeOf(c, prompt)
		c.Close()
		for client, theirs := range others[i] {
			if !theirs.failed() {
				assert.Empty(t, ours.says, "%s reads %s/%s", client, s.kind, s.name)
			}
			agree := theirs.failed() == (ours.failure != "") && (theirs.failed() || theirs.Text == ours.text && theirs.Finish == ours.finish && theirs.Output == ours.output)
			why, listed := whyDifferent(client, s.kind+"/"+s.name)
			switch {
			case agree:
				same++
			case listed:
				used[why] = true
			default:
				assert.Fail(t, "read differently", "%s, %s/%s: ours %.20q %s %d %.80q, theirs %.20q %s %d %.80q", client, s.kind, s.name, ours.text, ours.finish, ours.output, ours.says, theirs.Text, theirs.Finish, theirs.Output, theirs.Error)
			}
		}
	}
	t.Logf("%d answers, each read by two other clients: %d times as by us, %d differences on purpose", len(all), same, 2*len(all)-same)
	for _, d := range differences() {
		assert.True(t, used[d], "%s reads %s as we do by now: %s", d.client, d.pattern, d.why)
	}
}

func whyDifferent(client, name string) (difference, bool) {
	for _, d := range differences() {
		if fits, err := path.Match(d.pattern, name); err == nil && fits && (d.client == client || d.client == "*") {
			return d, true
		}
	}
	return difference{}, false
}

func readByOthers(t *testing.T, cases any) (read []map[string]readBy) {
	t.Helper()
	in, err := json.Marshal(cases)
	require.NoError(t, err)
	python := exec.Command("python3", "testdata/clients.py")
	python.Stdin = bytes.NewReader(in)
	var said bytes.Buffer
	python.Stderr = &said
	out, err := python.Output()
	require.NoError(t, err, said.String())
	require.NoError(t, json.Unmarshal(out, &read))
	return read
}

// differences are those on purpose: in each of them we have a whole answer, and the
// other client has none, or none of its usage. Text is never read differently.
func differences() []difference {
	const silence = "an answer of which all has come is whole; the others wait for the end of the body"
	const broken = "an answer of which all has come is whole, whatever becomes of the connection; the others want HTTP's own end, or [DONE]"
	const unclosed = "the standard throws away an event that no empty line closes; one that is whole JSON says what it says"
	return []difference{
		{"*", "ends/usage, then open*", silence},
		{"*", "ends/running usage, then open*", silence},
		{"*", "ends/a finish reason with usage, then open*", silence},
		{"*", "ends/a finish reason, then open*", silence},
		{"*", "ends/a finish reason, then comments*", silence},
		{"*", "ends/[[]DONE] without a*, then open*", "[DONE] is the end as soon as it is there; the others wait for the end of its event"},
		{"*", "ends/usage, then closed*", broken},
		{"*", "ends/usage, then reset*", broken},
		{"*", "ends/a finish reason, then closed*", broken},
		{"*", "ends/half of a usage, then closed*", broken},
		{"*", "ends/usage without a*", unclosed},
		{"*", "ends/a finish reason without a*", unclosed},
		{"*", "ends/[[]DONE] right after the usage's line*", "[DONE] ends the event before it, too; the others read both as one"},
		{"*", "line ends/two spaces*", "a second space belongs to the data, and [DONE] with one before it is meant all the same"},
		{"*", "encodings/x-gzip", "the older name of gzip (RFC 9110, section 8.4.1.3)"},
		{"*", "encodings/* by name only", "a proxy has decompressed the body and left its label: it is what it is"},
		{"openai", "events/retry", "OpenAI's client takes a field without data for an event, and looks for JSON in it; the standard does not"},
		{"openai", "events/*data*", "an event without data says nothing; OpenAI's client looks for JSON in it"},
		{"openai", "events/a ping that is no JSON", "an event of another type is for those who know it"},
		{"openai", "events/a named event of words", "an event of another type is for those who know it"},
		{"httpx-sse", "events/event: completion", "the type of an event that is part of an answer does not matter to OpenAI's client nor to us"},
		{"httpx-sse", "labels/a stream*", "OpenAI's client does not look at the label; we read on, and say that it is wrong"},
		{"httpx-sse", "labels/another case", "media types have no case (RFC 9110, section 8.3.1)"},
	}
}
