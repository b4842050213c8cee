package messages

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// split is a chat as a system prompt and its messages. System messages at the beginning are the system prompt;
// later ones stay where they are, which vLLM takes.
func split(chat []harness.Message) (system string, messages []any) {
	messages = make([]any, 0, len(chat))
	for _, m := range chat {
		switch {
		case m.Role == "system" && len(messages) == 0 && onlyText(contentOf(m)): // a system prompt has no images
			if system != "" {
				system += "\n\n"
			}
			system += textOf(m)
		case m.Whole == nil:
			messages = append(messages, m)
		default:
			messages = append(messages, converted(m))
		}
	}
	return system, messages
}

// contentOf is the content of a message that is more than a role and a text; nil where it is not.
func contentOf(m harness.Message) json.RawMessage {
	var whole struct {
		Content json.RawMessage `json:"content"`
	}
	_ = json.Unmarshal(m.Whole, &whole) // it was read from a file of messages
	return whole.Content
}

// textOf is the text of a message.
func textOf(m harness.Message) string {
	if content := contentOf(m); content != nil {
		return joined(content)
	}
	return m.Content
}

// A chatMessage is one that is more than a role and a text.
type chatMessage struct {
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	Reasoning string          `json:"reasoning"`
	CallID    string          `json:"tool_call_id"`
	Calls     []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// A block is one of a message's content.
type block map[string]any

// converted is a message of a chat in blocks: a call of a tool is a block, and so is its result, which the user
// says here.
func converted(m harness.Message) any {
	var chat chatMessage
	if json.Unmarshal(m.Whole, &chat) != nil {
		return m
	}
	if chat.Role == "tool" {
		return block{"role": "user", "content": []any{block{"type": "tool_result", "tool_use_id": chat.CallID, "content": result(chat.Content)}}}
	}
	var blocks []any
	if chat.Reasoning != "" {
		blocks = append(blocks, block{"type": "thinking", "thinking": chat.Reasoning, "signature": ""})
	}
	blocks = append(blocks, parts(chat.Content)...)
	for _, call := range chat.Calls {
		blocks = append(blocks, block{"type": "tool_use", "id": call.ID, "name": call.Function.Name, "input": arguments(call.Function.Arguments)})
	}
	return block{"role": chat.Role, "content": blocks}
}

// arguments are those of a call, which chats have as a text.
func arguments(raw json.RawMessage) any {
	var text string
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	if json.Unmarshal(raw, &object) != nil {
		return block{}
	}
	return object
}

// A part is one of a chat's content.
type part struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Image struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

// parts are a content in blocks. Parts that this interface does not have are left as they are, for the server
// to refuse.
func parts(content json.RawMessage) (blocks []any) {
	var said string
	if json.Unmarshal(content, &said) == nil {
		if said == "" {
			return nil
		}
		return []any{block{"type": "text", "text": said}}
	}
	var list []json.RawMessage
	_ = json.Unmarshal(content, &list) // none where there is no content
	for _, raw := range list {
		var p part
		switch err := json.Unmarshal(raw, &p); {
		case err == nil && p.Type == "text":
			blocks = append(blocks, block{"type": "text", "text": p.Text})
		case err == nil && p.Type == "image_url":
			blocks = append(blocks, block{"type": "image", "source": source(p.Image.URL)})
		default:
			blocks = append(blocks, raw)
		}
	}
	return blocks
}

// source is where an image comes from: an address, or the image itself.
func source(url string) block {
	media, data, ok := strings.Cut(strings.TrimPrefix(url, "data:"), ";base64,")
	if !ok || !strings.HasPrefix(url, "data:") {
		return block{"type": "url", "url": url}
	}
	return block{"type": "base64", "media_type": media, "data": data}
}

// result is what a tool answered: a text, its parts joined, or blocks where something of it is none.
func result(content json.RawMessage) any {
	if onlyText(content) {
		return joined(content)
	}
	return parts(content)
}

// onlyText reports whether no part of a content is an image or the like.
func onlyText(content json.RawMessage) bool {
	var list []part
	return json.Unmarshal(content, &list) != nil || !slices.ContainsFunc(list, func(p part) bool { return p.Type != "text" })
}

// joined is the text of a content, its parts joined.
func joined(content json.RawMessage) (said string) {
	var list []part
	if json.Unmarshal(content, &said) == nil {
		return said
	}
	if json.Unmarshal(content, &list) != nil {
		return string(content)
	}
	for _, p := range list {
		said += p.Text
	}
	return said
}
