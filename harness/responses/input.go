package responses

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/harness"
)

// input is a chat as a list of items. What a chat has in one message may be several items here: calls are
// items, and so are their results.
func input(messages []harness.Message) []any {
	items := make([]any, 0, len(messages))
	for _, m := range messages {
		if m.Whole == nil {
			items = append(items, m)
			continue
		}
		items = append(items, itemsOf(m)...)
	}
	return items
}

// A chatMessage is one that is more than a role and a text.
type chatMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
	CallID  string          `json:"tool_call_id"`
	Calls   []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

func itemsOf(m harness.Message) (items []any) {
	var chat chatMessage
	if json.Unmarshal(m.Whole, &chat) != nil {
		return []any{m}
	}
	if chat.Role == "tool" {
		return []any{map[string]any{"type": "function_call_output", "call_id": chat.CallID, "output": result(chat.Content)}}
	}
	if content := parts(chat.Role, chat.Content); content != nil {
		items = append(items, map[string]any{"type": "message", "role": chat.Role, "content": content})
	}
	for _, call := range chat.Calls {
		items = append(items, map[string]any{"type": "function_call", "call_id": call.ID, "name": call.Function.Name, "arguments": call.Function.Arguments})
	}
	return items
}

// A part is one of a chat's content.
type part struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Image struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	} `json:"image_url"`
}

// parts are a message's content; nil where it says nothing. Parts that this interface does not have are left
// as they are, for the server to refuse.
func parts(role string, content json.RawMessage) any {
	var said string
	if json.Unmarshal(content, &said) == nil {
		if said == "" {
			return nil
		}
		return said
	}
	var list []json.RawMessage
	if json.Unmarshal(content, &list) != nil {
		return nil
	}
	kind := "input_text"
	if role == "assistant" {
		kind = "output_text"
	}
	out := make([]any, 0, len(list))
	for _, raw := range list {
		var p part
		switch err := json.Unmarshal(raw, &p); {
		case err == nil && p.Type == "text":
			out = append(out, map[string]any{"type": kind, "text": p.Text})
		case err == nil && p.Type == "image_url":
			image := map[string]any{"type": "input_image", "image_url": p.Image.URL, "detail": "auto"}
			if p.Image.Detail != "" {
				image["detail"] = p.Image.Detail
			}
			out = append(out, image)
		default:
			out = append(out, raw)
		}
	}
	return out
}

// result is what a tool answered: a text, its parts joined, or parts where something of it is none.
func result(content json.RawMessage) any {
	var said string
	if json.Unmarshal(content, &said) == nil {
		return said
	}
	var list []part
	if json.Unmarshal(content, &list) != nil {
		return string(content)
	}
	for _, p := range list {
		if p.Type != "text" {
			return parts("tool", content)
		}
		said += p.Text
	}
	return said
}
