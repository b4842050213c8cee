package messages

import (
	"cmp"
	"encoding/json"
	"errors"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// Lacks is what a prompt asks for that this interface has no field for, or what it requires and the prompt
// does not say; nil where it can be asked. A server ignores such fields without a word.
func Lacks(p harness.Prompt) error {
	switch {
	case p.MaxTokens <= 0:
		return errors.New("messages need a bound (max_tokens): say how long answers are at most: And answers are at most 256 tokens long")
	case p.IgnoreEOS:
		return errors.New("messages have no ignore_eos, so that no answer can be asked to run to its full length, as those of prompts of a length do; draw conversations, and say how long their answers are at most: And answers are at most 256 tokens long")
	case p.MinTokens > 0:
		return errors.New("messages have no min_tokens: take it out of what is asked")
	case p.Priority != 0:
		return errors.New("messages have no priority: leave priorities out")
	case p.Choices() > 1:
		return errors.New("messages have no n, and give one answer to each request: take it out of what is asked")
	}
	return media.Lacking(p, "messages", "text and images", harness.Image)
}

// members are those of the body. What the harness relies on comes last, so that nothing which a dataset asks
// for besides can change it.
func members(c *openai.Client, p harness.Prompt) map[string]any {
	p, salt := c.Spoken(p)
	members := extras(p.Extra)
	system, messages := split(p.Messages)
	if system != "" {
		members["system"] = system
	}
	members["model"], members["messages"], members["stream"] = cmp.Or(p.Model, c.Model), messages, !c.AtOnce
	if p.MaxTokens > 0 {
		members["max_tokens"] = p.MaxTokens
	}
	if salt != "" {
		members["cache_salt"] = salt
	}
	return members
}

// extras are what else is asked, under the names of this interface.
func extras(of map[string]json.RawMessage) map[string]any {
	members, output := map[string]any{}, map[string]any{}
	for name, value := range of {
		switch name {
		case "cache_salt", "stream_options", "n":
		case "tools":
			members["tools"] = tools(value)
		case "tool_choice":
			members["tool_choice"] = choice(value)
		case "stop":
			members["stop_sequences"] = listed(value)
		case "reasoning_effort":
			output["effort"] = value
		case "response_format":
			output["format"] = format(value)
		default:
			members[name] = value
		}
	}
	if len(output) > 0 {
		members["output_config"] = output
	}
	return members
}

// tools are those of chats, in the shape that they have here.
func tools(chats json.RawMessage) any {
	var list []struct {
		Function struct {
			Name        string          `json:"name"`
			Description string          `json:"description,omitempty"`
			Parameters  json.RawMessage `json:"parameters"`
		} `json:"function"`
	}
	if json.Unmarshal(chats, &list) != nil {
		return chats
	}
	out := make([]any, len(list))
	for i, tool := range list {
		of := map[string]any{"name": tool.Function.Name, "input_schema": map[string]any{"type": "object"}}
		if tool.Function.Parameters != nil {
			of["input_schema"] = tool.Function.Parameters
		}
		if tool.Function.Description != "" {
			of["description"] = tool.Function.Description
		}
		out[i] = of
	}
	return out
}

// choice is a chat's tool_choice.
func choice(chats json.RawMessage) any {
	var word string
	var tool struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	switch {
	case json.Unmarshal(chats, &word) == nil && word == "required":
		return map[string]string{"type": "any"}
	case word != "":
		return map[string]string{"type": word} // auto, none
	case json.Unmarshal(chats, &tool) == nil && tool.Function.Name != "":
		return map[string]string{"type": "tool", "name": tool.Function.Name}
	}
	return chats
}

// listed is a text as a list of it.
func listed(value json.RawMessage) any {
	var word string
	if json.Unmarshal(value, &word) == nil {
		return []string{word}
	}
	return value
}

// format is a chat's response_format.
func format(chats json.RawMessage) any {
	var of struct {
		Schema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if json.Unmarshal(chats, &of) != nil || of.Schema.Schema == nil {
		return chats
	}
	return map[string]any{"type": "json_schema", "schema": of.Schema.Schema}
}
