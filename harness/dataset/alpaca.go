package dataset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// alpaca reads tasks in the form of Stanford's Alpaca and of the files for fine-tuning that
// follow it: objects with an "instruction", an "input" that belongs to it, and the "output"
// that is wanted, which is not asked. Each is asked as a chat: the instruction and below it
// the input, after the "system" message and the "history" of questions and answers that
// LLaMA-Factory's files have. Source: https://github.com/tatsu-lab/stanford_alpaca.
type alpaca struct{ *File }

func alpacaFormat() fileFormat {
	return fileFormat{kind: "alpaca", holds: "tasks in the form of Alpaca's", noun: "task", extensions: []string{".json", ".jsonl"},
		sniff: func(s *sample) bool {
			asksOtherwise := slices.ContainsFunc(append([]string{"prompt", "body"}, listNames...), func(name string) bool { return s.fields[name] != nil })
			return s.fields["instruction"] != nil && !asksOtherwise
		},
		read: func(d *File, file *source.File) (*records, error) {
			const must = "it must be a JSON array of Alpaca's tasks, or one task each line"
			return elementRecords(file, must, alpaca{d}.task, d.Progress)
		}}
}

// An alpacaTask is a task as a file has it.
type alpacaTask struct {
	Instruction string     `json:"instruction"`
	Input       string     `json:"input"`
	System      string     `json:"system"`
	History     [][]string `json:"history"` // a question and its answer each
}

func (d alpaca) task(number int64, raw []byte, _ bool) (c harness.Conversation, err error) {
	var task alpacaTask
	if err = json.Unmarshal(raw, &task); err != nil {
		return c, fmt.Errorf("task %d: %w", number+1, source.ExplainJSON(err))
	}
	if err = d.noteFields(raw); err != nil {
		return c, fmt.Errorf("task %d: %w", number+1, err)
	}
	question := strings.TrimSpace(task.Instruction + "\n" + task.Input)
	switch {
	case source.HalfCharacter(raw):
		return c, line.ErrHalfCharacter
	case question == "":
		return c, source.NewUnaskable(source.EmptyPrompt, fmt.Sprintf("task %d: the instruction is empty", number+1))
	}
	var messages []harness.Message
	if task.System != "" {
		messages = append(messages, harness.Message{Role: "system", Content: task.System})
	}
	for i, turn := range task.History {
		if len(turn) != 2 {
			return c, fmt.Errorf("task %d: turn %d of its history has %d texts; it must have two, a question and its answer", number+1, i+1, len(turn))
		}
		messages = append(messages, harness.Message{Role: "user", Content: turn[0]}, harness.Message{Role: "assistant", Content: turn[1]})
	}
	messages = append(messages, harness.Message{Role: "user", Content: question})
	return harness.Conversation{Turns: []harness.Prompt{{Messages: messages, MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS}}}, nil
}

// noteFields takes the fields of a task that are not asked and describe nothing, to be
// named: none of those that ask a server for something is sent with a task.
func (d alpaca) noteFields(raw []byte) error {
	asked := []string{"instruction", "input", "system", "history"}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	var names []line.Unknown
	for name := range fields {
		isAsked := slices.ContainsFunc(asked, func(of string) bool { return strings.EqualFold(of, name) }) // as encoding/json has it
		if !isAsked && !line.IsDescription(name) {
			names = append(names, line.Unknown{Name: name})
		}
	}
	slices.SortFunc(names, func(a, b line.Unknown) int { return strings.Compare(a.Name, b.Name) })
	return d.unknown().NoteUnless(func(name string) string { return line.SlipAmong(name, asked) }, names)
}
