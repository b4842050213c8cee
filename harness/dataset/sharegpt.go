package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/chat"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// shareGPT reads conversations in the format of the ShareGPT dumps and of those that follow
// it, as a JSON array, one each line or one alone: objects with "conversations" (or
// "messages", "conversation", "items"), a list of {"from": "human" or "gpt", "value": text}
// or {"role": "user", "content": text}. Each conversation's first questions are asked as a
// chat, with the system message before them where there is one; a later one goes on from
// what the server answered, or from the answer that is recorded. Conversations without a
// question are left out and counted, unless most are.
type shareGPT struct{ *File }

func shareGPTFormat() fileFormat {
	return fileFormat{kind: KindShareGPT, holds: "conversations in the form of ShareGPT's dumps", noun: "conversation",
		extensions: []string{".json", ".jsonl", ".parquet"}, turns: true,
		sniff: func(s *sample) bool {
			switch s.extension {
			case ".json":
				return true
			case ".parquet":
				return askingColumn(s.columns) < 0 && source.Column(s.columns, conversationColumns...) >= 0 ||
					s.turns && source.Column(s.columns, slices.Concat(conversationColumns, []string{"messages"})...) >= 0
			}
			return s.array || conversationLine(s.fields, s.turns)
		},
		read: func(d *File, file *source.File) (*records, error) {
			if d.isParquet() {
				return parquetRecords(file, d.Virtual, true, shareGPT{d}.row, d.unknown().Note, d.Progress)
			}
			const must = "it must be a JSON array of ShareGPT conversations, or one conversation each line"
			return elementRecords(file, must, shareGPT{d}.conversation, d.Progress)
		}}
}

// row is the conversation of a row of Parquet.
func (d shareGPT) row(columns parquetColumns, number int64, r parquetRow, inline bool) (c harness.Conversation, err error) {
	turns, err := columns.json(r.asks)
	if err != nil {
		return c, err
	}
	raw, err := json.Marshal(map[string]json.RawMessage{"conversations": turns})
	if err != nil {
		return c, err
	}
	return d.conversation(number, raw, inline)
}

// conversation reads one.
func (d shareGPT) conversation(number int64, raw []byte, inline bool) (harness.Conversation, error) {
	c, err := readSaid(raw)
	if err == nil {
		var turns []harness.Prompt
		if turns, err = d.turns(c, inline); err == nil {
			return harness.Conversation{Turns: turns, GoesOn: !d.Recorded}, nil
		}
	}
	where := fmt.Sprintf("conversation %d%s", number+1, named(c.id))
	if u, ok := errors.AsType[*source.Unaskable](err); ok {
		return harness.Conversation{}, source.NewUnaskable(u.Flaw, where+": "+u.Says)
	}
	return harness.Conversation{}, fmt.Errorf("%s: %w", where, err)
}

// turns are the first questions of a conversation, each with what was said since
// the one before or, with recorded answers, since the beginning.
func (d shareGPT) turns(c said, inline bool) (turns []harness.Prompt, err error) {
	wanted := max(1, d.Turns)
	var before []harness.Message
	for i, turn := range c.turns {
		role, fields, err := turn.message()
		if err == nil && role == "user" && chat.IsEmpty(fields) {
			err = source.NewUnaskable(source.EmptyTurn, "is empty")
		}
		var message harness.Message
		if err == nil {
			message, err = chat.Messages{Files: d.FS}.One(role, fields, inline)
		}
		if u, ok := errors.AsType[*source.Unaskable](err); ok {
			return nil, source.NewUnaskable(u.Flaw, fmt.Sprintf("turn %d %s", i+1, u.Says))
		} else if err != nil {
			return nil, fmt.Errorf("turn %d %w", i+1, err)
		}
		if role == "assistant" && (!d.Recorded || len(turns) == 0) { // or the answer to a question that the dump has cut off
			continue
		}
		before = append(before, message)
		if role == "user" {
			turns = append(turns, harness.Prompt{Messages: slices.Clone(before), MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS})
			if !d.Recorded {
				before = nil
			}
		}
		if len(turns) == wanted {
			return turns, nil
		}
	}
	if len(turns) == 0 {
		return nil, source.NewUnaskable(source.NoUserTurn, "no user turn")
	}
	return nil, source.NewUnaskable(source.FewTurns, fmt.Sprintf("it has %d turns, and not %d", len(turns), wanted))
}

func named(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", id)
}
