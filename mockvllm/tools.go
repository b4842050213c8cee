package mockvllm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A tool is a function that a chat may call.
type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string         `json:"name"`
		Description string         `json:"description,omitempty"`
		Parameters  map[string]any `json:"parameters"`
	} `json:"function"`
}

// chatTokens is the prompt of a chat: the tools stand before it, as JSON, in a
// message of the system's.
func (a *ask) chatTokens() []token {
	if len(a.Tools) == 0 {
		return tokenizeChat(a.Messages)
	}
	described, _ := json.Marshal(a.Tools)
	return tokenizeChat(append([]message{{Role: "system", Content: string(described)}}, a.Messages...))
}

// call is the function that an answer calls instead of saying something. Its
// first token is the name, each further one a piece of the arguments.
type call struct {
	name   string
	pieces []string
}

// calls decides which tool an answer calls, if any. With "auto" it calls the
// first one as long as the last word is the user's; once a tool's result is
// there it answers in words, so that whoever loops over calls comes to an end.
func (a *ask) calls() (*call, *refusal) {
	var choice string
	var named tool
	if json.Unmarshal(a.ToolChoice, &choice) != nil {
		_ = json.Unmarshal(a.ToolChoice, &named) // anything else names none
	}
	switch {
	case choice != "" && choice != "none" && choice != "auto" && choice != "required":
		return nil, bad("tool_choice", "tool_choice must be none, auto, required or a function, got %q.", choice)
	case len(a.Tools) == 0 && (choice == "required" || named.Function.Name != ""):
		return nil, bad("tool_choice", "When using tool_choice, tools must be set.")
	case a.Tools != nil && len(a.Tools) == 0:
		return nil, misused("tools", nil, "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.")
	case len(a.Tools) == 0 || choice == "none":
		return nil, nil
	case named.Function.Name != "":
		for _, t := range a.Tools {
			if t.Function.Name == named.Function.Name {
				return t.call(), nil
			}
		}
		return nil, bad("tool_choice", "The tool `%s` is not among the tools.", named.Function.Name)
	case choice != "required" && len(a.Messages) > 0 && a.Messages[len(a.Messages)-1].Role != "user":
		return nil, nil
	}
	return a.Tools[0].call(), nil
}

func (t tool) call() *call {
	raw, _ := json.Marshal(example(t.Function.Parameters))
	_, pieces := encode(string(raw))
	return &call{name: t.Function.Name, pieces: pieces}
}

// answer is a call as a sequence of tokens, bounded as every answer is.
func (c *call) answer(limit int) answer {
	a := answer{call: c, finish: "tool_calls", ids: append(tokenize(c.name), endTurn)[:1]}
	for _, p := range c.pieces {
		a.ids = append(a.ids, tokenize(p)[0])
	}
	if len(a.ids) > limit {
		a.ids, a.finish = a.ids[:limit], "length"
	}
	return a
}

// example is a value that fits a JSON schema.
func example(schema map[string]any) any {
	if options, ok := schema["enum"].([]any); ok && len(options) > 0 {
		return options[0]
	}
	switch schema["type"] {
	case "string":
		return "mock"
	case "number", "integer":
		return 1
	case "boolean":
		return true
	case "array":
		return []any{}
	}
	out := map[string]any{}
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, _ := properties[name].(map[string]any)
		out[name] = example(property)
	}
	return out
}

// The wire shapes of a call: the first piece carries name and id, the others
// arguments only.
type toolCall struct {
	Index    int          `json:"index"`
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

// deltas is what tokens [from, to) add to the call.
func (c *call) deltas(id string, from, to int) []toolCall {
	var out toolCall
	if from == 0 {
		out.ID, out.Type, out.Function.Name = callID(id), "function", c.name
	}
	for _, p := range c.pieces[max(0, from-1):max(0, to-1)] {
		out.Function.Arguments += p
	}
	return []toolCall{out}
}

func callID(id string) string { return fmt.Sprintf("chatcmpl-tool-%s", id[max(0, len(id)-16):]) }
