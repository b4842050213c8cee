package api

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// readResponses makes a chat of a request: instructions are its system message,
// the input a text or a list of items.
func readResponses(raw []byte) (*ask, *apiError) {
	var body struct {
		ask
		Input        json.RawMessage           `json:"input"`
		Instructions string                    `json:"instructions"`
		Limit        *int                      `json:"max_output_tokens"`
		Tools        []responseTool            `json:"tools"`
		Choice       json.RawMessage           `json:"tool_choice"`
		Reasoning    struct{ Effort string }   `json:"reasoning"`
		Text         struct{ Format textForm } `json:"text"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, invalid(raw, err)
	}
	a := &body.ask
	a.Messages, a.MaxTokens, a.MaxCompletionTokens, a.StreamOptions, a.N, a.Tools = nil, body.Limit, nil, nil, nil, nil
	a.MinTokens = 0 // vLLM has no such field here, and passes over it
	a.ReasoningEffort, a.ToolChoice = body.Reasoning.Effort, responseChoice(body.Choice)
	a.ResponseFormat.Type, a.ResponseFormat.Schema.Schema = body.Text.Format.Type, body.Text.Format.Schema
	for _, t := range body.Tools {
		if t.Type == "function" { // the others are the server's own
			a.Tools = append(a.Tools, functionTool(t.Name, t.Description, t.Parameters))
		}
	}
	if body.Instructions != "" {
		a.Messages = append(a.Messages, tokenizer.Message{Role: "system", Content: body.Instructions})
	}
	return a, a.takeInput(raw, body.Input)
}

// A textForm is the form that an answer is asked in.
type textForm struct {
	Type   string         `json:"type"`
	Schema map[string]any `json:"schema"`
}

// A responseTool is a tool in the shape that responses have.
type responseTool struct {
	Type        string         `json:"type"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  map[string]any `json:"parameters"`
}

// responseChoice is a choice of tools as a chat has it.
func responseChoice(raw json.RawMessage) json.RawMessage {
	var tool struct{ Type, Name string }
	if json.Unmarshal(raw, &tool) != nil || tool.Name == "" {
		return raw
	}
	return chosen(tool.Type, tool.Name)
}

// takeInput takes the input of a request: a text, or items.
func (a *ask) takeInput(raw []byte, input json.RawMessage) *apiError {
	var text string
	var items []responseItem
	switch {
	case json.Unmarshal(input, &text) == nil && text != "":
		a.Messages = append(a.Messages, tokenizer.Message{Role: "user", Content: text})
	case json.Unmarshal(input, &items) == nil && len(items) > 0:
		for _, item := range items {
			a.Messages = append(a.Messages, item.message())
		}
	case input == nil:
		return flawed(pydantic.Missing(raw, "input"))
	default:
		return bad("input", "input must be a text or a list of messages.")
	}
	return nil
}

// A responseItem is one of the input: a message, a call of a tool, or its result.
type responseItem struct {
	tokenizer.Message
	Type      string `json:"type"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
	Output    any    `json:"output"`
}

func (i responseItem) message() tokenizer.Message {
	switch i.Type {
	case "function_call":
		return tokenizer.Message{Role: "assistant", Content: i.Name + i.Arguments}
	case "function_call_output":
		return tokenizer.Message{Role: "tool", Content: tokenizer.AsText(i.Output)}
	}
	return i.Message
}
