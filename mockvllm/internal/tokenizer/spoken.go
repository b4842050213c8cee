package tokenizer

import (
	"encoding/json"
	"strings"
)

// Spoken is a message whose blocks are no text as one of a chat: a result of a tool is the tool's, and calls and
// results are their JSON.
func (m Message) Spoken() Message {
	blocks, _ := m.Content.([]any)
	var said strings.Builder
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		switch block["type"] {
		case "tool_result":
			m.Role = "tool"
			said.WriteString(AsText(block["content"]))
		case "tool_use":
			said.WriteString(AsText(block["name"]) + AsText(block["input"]))
		default:
			said.WriteString(Message{Content: []any{b}}.Text())
		}
	}
	if blocks != nil {
		m.Content = said.String()
	}
	return m
}

// AsText is a text, or the JSON of another value.
func AsText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, _ := json.Marshal(v) // of what was read
	return string(raw)
}
