package dataset

import (
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
	MaxTokens int                     // bound of every answer; 0: the server's
	IgnoreEOS bool                    // every answer runs to the bound
	Turns     int                     // questions of a conversation; those that have fewer are left out; 0 is 1
	Recorded  bool                    // history is the recorded answers, not the server's own
	Progress  func(done, total int64) // is told now and then how many bytes have been checked; nil: nobody is

	shared shared
}

func (d *ShareGPT) String() string {
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
		From  string          `json:"from"`
		Value json.RawMessage `json:"value"` // a text, or a list of parts
	} `json:"conversations"`
}

// Conversations implements [harness.Dataset].
func (d *ShareGPT) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return nil, err
	}
	return shuffled(r, all), nil
}

// Count is how many different conversations there are.
func (d *ShareGPT) Count() (int, error) {
	all, err := d.shared.open(d.open)
	if err != nil {
		return 0, err
	}
	return int(all.usable), nil
}

// Close closes the file. Nothing can be drawn any more.
func (d *ShareGPT) Close() error { return d.shared.close() }

func (d *ShareGPT) open() (*records, error) {
	file, err := open(d.FS, d.Path)
	if err != nil {
		return nil, err
	}
	all, err := elementRecords(file, d.conversation, d.Progress)
	switch {
	case err != nil:
		err = inFile(d.Path, err)
	case all.units == 0:
		err = fmt.Errorf("%s: there is no conversation in it", d.Path)
	case all.usable == 0:
		err = fmt.Errorf("%s: no conversation has %d turns", d.Path, d.Turns)
	default:
		return all, nil
	}
	return nil, errors.Join(err, file.Close())
}

// conversation reads one, or nothing where it has too few turns.
func (d *ShareGPT) conversation(number int64, raw []byte, inline bool) ([]harness.Conversation, error) {
	var c shareGPTConversation
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	turns, err := d.turns(c, inline)
	switch {
	case err != nil:
		return nil, fmt.Errorf("conversation %d%s: %w", number+1, named(c.ID), err)
	case turns == nil:
		return nil, nil
	}
	return []harness.Conversation{{Turns: turns, GoesOn: !d.Recorded}}, nil
}

// turns are the first questions of a conversation, each with what was said since
// the one before or, with recorded answers, since the beginning; nil where there
// are too few.
func (d *ShareGPT) turns(c shareGPTConversation, inline bool) (turns []harness.Prompt, err error) {
	wanted := max(1, d.Turns)
	if len(c.Turns) == 0 {
		return nil, errors.New(`it has no turns under "conversations"`)
	}
	var said []harness.Message
	for i, turn := range c.Turns {
		role, err := roleOf(turn.From)
		if err != nil {
			return nil, fmt.Errorf("turn %d %w", i+1, err)
		}
		message, err := messages{d.FS}.one(role, map[string]json.RawMessage{"content": turn.Value}, inline)
		switch {
		case errors.Is(err, errNoContent), err == nil && message.Whole == nil && strings.TrimSpace(message.Content) == "":
			return nil, fmt.Errorf("turn %d is empty", i+1)
		case err != nil:
			return nil, fmt.Errorf("turn %d %w", i+1, err)
		}
		if role == "assistant" && (!d.Recorded || len(turns) == 0) { // or the answer to a question that the dump has cut off
			continue
		}
		said = append(said, message)
		if role == "user" {
			turns = append(turns, harness.Prompt{Messages: slices.Clone(said), MaxTokens: d.MaxTokens, IgnoreEOS: d.IgnoreEOS})
			if !d.Recorded {
				said = nil
			}
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

// roleOf is who says a turn, in the words of OpenAI's interface.
func roleOf(from string) (string, error) {
	switch from {
	case "human", "user":
		return "user", nil
	case "system":
		return "system", nil
	case "gpt", "assistant", "chatgpt", "bing", "bard":
		return "assistant", nil
	}
	return "", fmt.Errorf("is from %q; write human, gpt or system", from)
}

func named(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", id)
}
