// Package line reads prompts as lines of JSON have them: what is asked, how long the answer may be, and the fields that
// ask a server for something.
package line

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A Line is one prompt as a file has it.
type Line struct {
	Prompt       string
	TokenIDs     []int
	Messages     []json.RawMessage
	MaxTokens    int64
	OutputTokens int64 // how long the answer is expected to be, as vLLM's benchmark has it
	MinTokens    int64
	IgnoreEOS    bool
	Images       []string // files, or addresses, that belong to the prompt
	Extra        map[string]json.RawMessage
	Unknown      []Unknown
	request      bool // it is a request of OpenAI's batches
	Asks         bool // it has a prompt or messages, if only empty ones
}

// Parse reads a line of JSON, or what OpenAI's batches have under "body" on it.
func Parse(text []byte) (l Line, err error) {
	const form = `%w; a line is {"prompt": "…"} or {"messages": […]}`
	if source.HalfCharacter(text) {
		return l, ErrHalfCharacter
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return l, fmt.Errorf(form, source.ExplainJSON(err))
	}
	body, isBatch := fields["body"]
	if l.request = isBatch; isBatch {
		fields = nil
		if err := json.Unmarshal(body, &fields); err != nil {
			return l, fmt.Errorf(form, source.ExplainJSON(err))
		}
	}
	if err := l.takeAll(fields, isBatch); err != nil || l.Asks {
		return l, err
	}
	return l, l.takeOther(fields)
}

// OtherNames are the names that what is asked has in data sets for training, where there is no prompt and no messages.
var OtherNames = []string{"instruction", "question", "text"}

// takeOther takes what is asked from a field of another name.
func (l *Line) takeOther(fields map[string]json.RawMessage) error {
	for _, name := range OtherNames {
		var text, input string
		if fields[name] == nil || json.Unmarshal(fields[name], &text) != nil {
			continue
		}
		if fields["input"] != nil && json.Unmarshal(fields["input"], &input) != nil {
			return errors.New(`"input" is no text; it belongs to the instruction`)
		}
		l.AskOther(name, text, input)
		l.Unknown = slices.DeleteFunc(l.Unknown, func(of Unknown) bool { return of.Name == name || of.Name == "input" && name == "instruction" })
		return nil
	}
	return nil
}

// AskOther asks a text with one of the other names: a text is completed, an instruction, with its input below it, and a
// question are asked as a chat.
func (l *Line) AskOther(name, text, input string) {
	l.Asks = true
	if name == "text" {
		l.Prompt = text
		return
	}
	if name == "instruction" && strings.TrimSpace(input) != "" {
		text += "\n" + input
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	message, _ := json.Marshal(map[string]string{"role": "user", "content": text}) // strings always marshal
	l.Messages = []json.RawMessage{message}
}

// DropAnswer leaves out the answer that a chat for training ends in, and reports whether it does: what is to be
// asked is what comes before it. An answer that is to be continued stays.
func (l *Line) DropAnswer() bool {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
		Prefix  bool   `json:"prefix"`
	}
	var last message
	var before struct{ Role string }
	n := len(l.Messages)
	if n < 2 || l.request || l.Extra["continue_final_message"] != nil || l.Extra["add_generation_prompt"] != nil || json.Unmarshal(l.Messages[n-1], &last) != nil || json.Unmarshal(l.Messages[n-2], &before) != nil {
		return false
	}
	if last.Role != "assistant" || last.Content == "" || last.Prefix || before.Role != "user" && before.Role != "tool" {
		return false
	}
	l.Messages = l.Messages[:n-1]
	return true
}

var ErrHalfCharacter = source.NewUnaskable(source.HalfSurrogate, `a text holds half of a character (one \ud800 to \udfff without the other): it was cut there`)

// takeAll takes fields, those of a request or those that a line has beside its prompt.
func (l *Line) takeAll(fields map[string]json.RawMessage, inRequest bool) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) { // the first mistake is the same every time
		value := fields[name]
		l.Asks = l.Asks || name == "prompt" || name == "messages"
		if string(value) == "null" && name != "messages" {
			continue
		}
		if name == "extra_body" { // as the clients of OpenAI's interface call what goes beside its own fields
			var more map[string]json.RawMessage
			if err := json.Unmarshal(value, &more); err != nil {
				return fmt.Errorf("%q: %w", name, source.ExplainJSON(err))
			}
			if err := l.takeAll(more, true); err != nil {
				return err
			}
			continue
		}
		if err := l.Take(name, value, inRequest); err != nil {
			return err
		}
	}
	return nil
}

// Take takes one field.
func (l *Line) Take(name string, value json.RawMessage, inRequest bool) error {
	var err error
	switch name {
	case "prompt":
		return l.takePrompt(value)
	case "messages":
		if l.Messages != nil {
			return ErrBothPrompts
		}
		err = json.Unmarshal(value, &l.Messages)
	case "max_completion_tokens":
		err = json.Unmarshal(value, &l.MaxTokens)
	case "max_tokens": // the older name of the same
		if l.MaxTokens == 0 {
			err = json.Unmarshal(value, &l.MaxTokens)
		}
	case "output_tokens":
		err = json.Unmarshal(value, &l.OutputTokens)
	case "min_tokens":
		err = json.Unmarshal(value, &l.MinTokens)
	case "ignore_eos":
		err = json.Unmarshal(value, &l.IgnoreEOS)
	case "image_files":
		err = json.Unmarshal(value, &l.Images)
	case "n", "best_of":
		if string(value) != "1" {
			return fmt.Errorf(`%q is %s; a request is followed to the end of one answer: leave it out`, name, value)
		}
	case "echo", "use_beam_search":
		if string(value) == "true" {
			return fmt.Errorf("%q makes what comes first something else than the first token: leave it out", name)
		}
	default:
		return l.other(name, value, inRequest)
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, source.ExplainJSON(err))
	}
	return nil
}

// takePrompt takes a text, a list of token ids, or messages, as data sets of chats call them.
func (l *Line) takePrompt(value json.RawMessage) error {
	err := json.Unmarshal(value, &l.Prompt)
	if err == nil {
		return nil
	}
	var ids []int
	if json.Unmarshal(value, &ids) == nil {
		l.TokenIDs = ids
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) != nil {
		return fmt.Errorf(`"prompt": %w`, source.ExplainJSON(err))
	}
	for _, element := range list {
		if element[0] != '{' {
			return errors.New(`"prompt" is a list; it may be a text, a list of token ids or a list of messages such as {"role": "user", "content": "…"}: write several prompts on several lines`)
		}
	}
	if l.Messages != nil {
		return ErrBothPrompts
	}
	l.Messages = list
	return nil
}

var ErrBothPrompts = errors.New(`the line has both "prompt" and "messages"; keep one`)

// Bound is how long the answer may be, where the dataset bounds every answer; 0: as long as
// the server lets it be.
func (l *Line) Bound(ofAll int) (int, error) {
	const most = 1 << 30
	switch own := cmp.Or(l.MaxTokens, l.OutputTokens); {
	case l.MaxTokens < 0 || l.MaxTokens > most:
		return 0, fmt.Errorf("max_tokens is %d; it must be above 0", l.MaxTokens)
	case l.OutputTokens < 0 || l.OutputTokens > most:
		return 0, fmt.Errorf("output_tokens is %d; it must be above 0", l.OutputTokens)
	case l.MaxTokens > 0 && l.OutputTokens > 0 && l.MaxTokens != l.OutputTokens:
		return 0, fmt.Errorf("max_tokens is %d and output_tokens is %d; keep one", l.MaxTokens, l.OutputTokens)
	case own == 0 || ofAll > 0 && ofAll < int(own):
		return ofAll, nil
	default:
		return int(own), nil
	}
}

// Least is the fewest tokens of the answer, given how long it may be.
func (l *Line) Least(bound int) (int, error) {
	if l.MinTokens < 0 || bound > 0 && l.MinTokens > int64(bound) || l.MinTokens > 1<<30 {
		return 0, fmt.Errorf("min_tokens is %d; it cannot be negative, nor above the %d tokens that the answer may have", l.MinTokens, bound)
	}
	return int(l.MinTokens), nil
}

// Illustrated are the messages of a prompt with its images, in the order of vLLM's
// benchmark: the text first.
func (l *Line) Illustrated() []json.RawMessage {
	parts := []any{map[string]string{"type": "text", "text": l.Prompt}}
	for _, image := range l.Images {
		url := image
		if !strings.Contains(image, ":") {
			url = "file:" + image
		}
		parts = append(parts, map[string]any{"type": "image_url", "image_url": map[string]string{"url": url}})
	}
	message, _ := json.Marshal(map[string]any{"role": "user", "content": parts}) // strings always marshal
	return []json.RawMessage{message}
}
