package dataset

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A said is a conversation as a dump has it.
type said struct {
	id    string
	turns []turn
}

// A turn is one of its turns: {"from": "human", "value": "…"} or {"role": "user",
// "content": "…"}, or a mixture of both.
type turn map[string]json.RawMessage

// listNames are the names that the list of turns has in one dump or another.
var listNames = []string{"conversations", "conversation", "messages", "items", "turns", "dialogue"}

// readSaid reads a conversation. Its id may be a text or a number.
func readSaid(raw []byte) (c said, err error) {
	if source.HalfCharacter(raw) {
		return c, line.ErrHalfCharacter
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return c, err
	}
	for _, name := range []string{"id", "conversation_id", "conversation_hash"} {
		if id := strings.Trim(string(fields[name]), `"`); id != "" && id != "null" {
			c.id = id
			break
		}
	}
	var found string
	for _, name := range listNames {
		if list := fields[name]; list != nil && string(list) != "null" {
			found = name
			break
		}
	}
	if err := json.Unmarshal(fields[found], &c.turns); found != "" && err != nil {
		return c, source.NewUnaskable(source.OtherForm, fmt.Sprintf(`%q is no list of turns such as {"from": "human", "value": "…"}: %v`, found, source.ExplainJSON(err)))
	}
	c.turns = slices.DeleteFunc(c.turns, func(t turn) bool { return t == nil })
	switch {
	case len(c.turns) > 0:
		return c, nil
	case found == "" && (fields["prompt"] != nil || fields["text"] != nil):
		return c, source.NewUnaskable(source.OtherForm, `it is no conversation with turns under "conversations"; write prompts as .jsonl, one object {"prompt": "…"} each line`)
	case found == "":
		return c, source.NewUnaskable(source.NoTurns, `it has no turns under "conversations", nor under "messages", "conversation" or "items"`)
	}
	return c, source.NewUnaskable(source.NoTurns, fmt.Sprintf("it has no turns under %q", found))
}

// message is the role and the fields of the message that a turn is.
func (t turn) message() (role string, fields map[string]json.RawMessage, err error) {
	text := func(name string) (s string) {
		_ = json.Unmarshal(t[name], &s) // what is no text is none
		return s
	}
	from := cmp.Or(text("from"), text("role"), text("speaker"))
	if role, err = roleOf(from); err != nil {
		return "", nil, err
	}
	fields = map[string]json.RawMessage{"content": json.RawMessage(`""`)}
	for _, name := range []string{"value", "content", "text"} {
		if value := t[name]; value != nil && string(value) != "null" {
			fields["content"] = value
			break
		}
	}
	if value := fields["content"]; value[0] != '"' && value[0] != '[' {
		return "", nil, source.NewUnaskable(source.OtherForm, fmt.Sprintf("has a text that is %.40q; it must be a text, or a list of parts", value))
	}
	if t["role"] != nil { // a message of OpenAI's, which may have more
		for name, value := range t {
			if !slices.Contains([]string{"from", "role", "speaker", "value", "content", "text", "weight", "loss"}, name) {
				fields[name] = value
			}
		}
	}
	return role, fields, nil
}

// roleOf is the one who says a turn, in the words of OpenAI's interface.
func roleOf(from string) (string, error) {
	switch strings.ToLower(strings.TrimSpace(from)) {
	case "human", "user", "prompter":
		return "user", nil
	case "system":
		return "system", nil
	case "gpt", "assistant", "chatgpt", "bing", "bard", "model", "bot", "ai", "function_call":
		return "assistant", nil
	case "tool", "observation", "function", "function_response", "tool_response", "ipython":
		return "tool", nil
	}
	return "", source.NewUnaskable(source.UnknownRole, fmt.Sprintf("is from %q; write human, gpt, system, function_call or observation", from))
}

// conversationLine reports whether a line is a conversation.
func conversationLine(fields map[string]json.RawMessage, turns bool) bool {
	if fields["body"] != nil || !turns && (fields["prompt"] != nil || fields["messages"] != nil) {
		return false
	}
	return slices.ContainsFunc(listNames, func(name string) bool {
		list := bytes.TrimLeft(fields[name], "[ \t")
		return fields[name] != nil && fields[name][0] == '[' && (list[0] == '{' || list[0] == ']')
	})
}
