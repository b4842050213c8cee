package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// ShareGPT is a JSON array of conversations in the format of the ShareGPT
// dumps: objects with "conversations", a list of {"from": "human" or "gpt",
// "value": text}. Each conversation's first questions are asked as a chat, with
// the system message before them where there is one; a later one goes on from
// what the server answered, or from the answer that is recorded.
type ShareGPT struct {
	FS        fs.FS
	Path      string
	MaxTokens int  // bound of every answer; 0: the server's
	IgnoreEOS bool // every answer runs to the bound
	Turns     int  // questions of a conversation; those that have fewer are left out; 0 is 1
	Recorded  bool // history is the recorded answers, not the server's own
}

func (d ShareGPT) String() string {
	s := describe(d.Path, d.MaxTokens, d.IgnoreEOS)
	if d.Turns > 1 {
		s += fmt.Sprintf(", %d turns", d.Turns)
	}
	if d.Recorded {
		s += " with the recorded answers"
	}
	return s
}

type shareGPTConversation struct {
	ID    string `json:"id"`
	Turns []struct {
		From  string `json:"from"`
		Value string `json:"value"`
	} `json:"conversations"`
}

// Conversations implements [harness.Dataset].
func (d ShareGPT) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.read()
	return shuffled(r, all), err
}

// Count is how many different conversations there are.
func (d ShareGPT) Count() (int, error) {
	all, err := d.read()
	return len(all), err
}

func (d ShareGPT) read() ([]harness.Conversation, error) {
	raw, err := fs.ReadFile(d.FS, d.Path)
	if err != nil {
		return nil, err
	}
	var entries []shareGPTConversation
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, fmt.Errorf("%s%s: %w; it must be a JSON array of ShareGPT conversations", d.Path, lineOf(raw, err), explainJSON(err))
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s: there is no conversation in it", d.Path)
	}
	var all []harness.Conversation
	for i, entry := range entries {
		turns, err := d.turns(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: conversation %d%s: %w", d.Path, i+1, named(entry.ID), err)
		}
		if turns != nil {
			all = append(all, harness.Conversation{Turns: turns, GoesOn: !d.Recorded})
		}
	}
	if all == nil {
		return nil, fmt.Errorf("%s: no conversation has %d turns", d.Path, d.Turns)
	}
	return all, nil
}

// turns are the first questions of a conversation, each with what was said since
// the one before or, with recorded answers, since the beginning; nil where there
// are too few.
func (d ShareGPT) turns(c shareGPTConversation) (turns []harness.Prompt, err error) {
	wanted := max(1, d.Turns)
	if len(c.Turns) == 0 {
		return nil, errors.New(`it has no turns under "conversations"`)
	}
	var messages []harness.Message
	for i, turn := range c.Turns {
		if strings.TrimSpace(turn.Value) == "" {
			return nil, fmt.Errorf("turn %d is empty", i+1)
		}
		switch turn.From {
		case "human", "user":
			messages = append(messages, harness.Message{Role: "user", Content: turn.Value})
			turns = append(turns, harness.Prompt{Messages: slices.Clone(messages), MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS})
			if !d.Recorded {
				messages = nil
			}
		case "system":
			messages = append(messages, harness.Message{Role: "system", Content: turn.Value})
		case "gpt", "assistant", "chatgpt", "bing", "bard":
			if d.Recorded && len(turns) > 0 { // not an answer to a question that the dump has cut off
				messages = append(messages, harness.Message{Role: "assistant", Content: turn.Value})
			}
		default:
			return nil, fmt.Errorf("turn %d is from %q; write human, gpt or system", i+1, turn.From)
		}
		if len(turns) == wanted {
			return turns, nil
		}
	}
	if len(turns) == 0 {
		return nil, errors.New("no user turn")
	}
	return nil, nil
}

func named(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", id)
}

// lineOf is ":12" for an error that says where in the text it stands.
func lineOf(raw []byte, err error) string {
	var offset int64
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = kind.Offset
	} else {
		return ""
	}
	return fmt.Sprintf(":%d", 1+bytes.Count(raw[:min(int(offset), len(raw))], []byte("\n")))
}

// explainJSON says in our words what encoding/json says in Go's.
func explainJSON(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("there is a JSON %s where it does not belong", kind.Value)
	}
	return err
}
