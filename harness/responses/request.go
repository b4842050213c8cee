package responses

import (
	"cmp"
	"encoding/json"
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// Lacks is what a prompt asks for that this interface has no field for; nil where it can be asked. A server
// ignores such fields without a word.
func Lacks(p harness.Prompt) error {
	switch {
	case p.MinTokens > 0 && !p.IgnoreEOS:
		return errors.New("responses have no min_tokens: take it out of what is asked")
	case p.Choices() > 1:
		return errors.New("responses have no n, and give one answer to each request: take it out of what is asked")
	}
	return media.Lacking(p, "responses", "text and images", harness.Image)
}

// members are those of the body. What the harness relies on comes last, so that nothing which a dataset asks
// for besides can change it. Each request has all of its conversation: vLLM stores responses only where it is
// started with VLLM_ENABLE_RESPONSES_API_STORE=1, and then for ever.
func members(c *openai.Client, p harness.Prompt) map[string]any {
	p, salt := c.Spoken(p)
	members := extras(p.Extra)
	members["model"], members["input"], members["stream"], members["store"] = cmp.Or(p.Model, c.Model), input(p.Messages), !c.AtOnce, false
	if p.MaxTokens > 0 {
		members["max_output_tokens"] = p.MaxTokens
	}
	if p.IgnoreEOS {
		members["ignore_eos"] = true
	}
	if salt != "" {
		members["cache_salt"] = salt
	}
	if p.Priority != 0 {
		members["priority"] = p.Priority
	}
	return members
}

// extras are what else is asked, under the names of this interface.
func extras(of map[string]json.RawMessage) map[string]any {
	members := map[string]any{}
	for name, value := range of {
		switch name {
		case "cache_salt", "stream_options", "n":
		case "tools":
			members["tools"] = tools(value)
		case "tool_choice":
			members["tool_choice"] = flat(value)
		case "reasoning_effort":
			members["reasoning"] = map[string]any{"effort": value}
		case "response_format":
			members["text"] = map[string]any{"format": format(value)}
		default:
			members[name] = value
		}
	}
	return members
}

// tools are those of chats: what a function is stands in the tool itself here.
func tools(chats json.RawMessage) any {
	var list []json.RawMessage
	if json.Unmarshal(chats, &list) != nil {
		return chats
	}
	out := make([]any, len(list))
	for i, tool := range list {
		out[i] = flat(tool)
	}
	return out
}

// flat is an object with what stands under "function" in it, or under its type, in itself.
func flat(raw json.RawMessage) any { return lifted(raw, "function") }

// format is a chat's response_format.
func format(raw json.RawMessage) any { return lifted(raw, "json_schema") }

func lifted(raw json.RawMessage, member string) any {
	var whole, inner map[string]json.RawMessage
	if json.Unmarshal(raw, &whole) != nil || json.Unmarshal(whole[member], &inner) != nil {
		return raw
	}
	delete(whole, member)
	for name, value := range inner {
		if _, there := whole[name]; !there {
			whole[name] = value
		}
	}
	return whole
}
