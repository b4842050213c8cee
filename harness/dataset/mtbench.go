package dataset

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// mtBench reads the questions of MT-Bench and of benchmarks that follow it: objects with "turns", a list of
// texts that one user asks one after the other. Each goes on from the server's own answers; answers that a file has
// as references are not asked. Source: https://github.com/lm-sys/FastChat, question.jsonl.
type mtBench struct{ *File }

func mtBenchFormat() fileFormat {
	return fileFormat{kind: KindMTBench, holds: "questions in the form of MT-Bench's", noun: "question", extensions: []string{".json", ".jsonl"}, turns: true,
		sniff: func(s *sample) bool {
			var turns []string
			return s.fields["turns"] != nil && s.fields["prompt"] == nil && s.fields["messages"] == nil && json.Unmarshal(s.fields["turns"], &turns) == nil && len(turns) > 0
		},
		read: func(d *File, file *source.File) (*records, error) {
			const must = "it must be lines of MT-Bench's questions, or a JSON array of them"
			return elementRecords(file, must, mtBench{d}.question, d.Progress)
		}}
}

func (d mtBench) question(number int64, raw []byte, _ bool) (c harness.Conversation, err error) {
	var question struct {
		Turns []string `json:"turns"`
	}
	if err = json.Unmarshal(raw, &question); err != nil {
		return c, fmt.Errorf("question %d: %w", number+1, source.ExplainJSON(err))
	}
	wanted := max(1, d.Turns)
	switch {
	case source.HalfCharacter(raw):
		return c, line.ErrHalfCharacter
	case d.Recorded:
		return c, fmt.Errorf("question %d: it has no recorded answers; write: conversations have %d turns", number+1, wanted)
	case len(question.Turns) == 0:
		return c, source.NewUnaskable(source.NoTurns, fmt.Sprintf(`question %d: it has no "turns"`, number+1))
	case len(question.Turns) < wanted:
		return c, source.NewUnaskable(source.FewTurns, fmt.Sprintf("question %d: it has %d turns, and not %d", number+1, len(question.Turns), wanted))
	}
	c.GoesOn = true
	for i, turn := range question.Turns[:wanted] {
		if strings.TrimSpace(turn) == "" {
			return c, source.NewUnaskable(source.EmptyTurn, fmt.Sprintf("question %d: turn %d is empty", number+1, i+1))
		}
		c.Turns = append(c.Turns, harness.Prompt{Messages: []harness.Message{{Role: "user", Content: turn}}, MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS})
	}
	return c, nil
}
