package api

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// readMessages makes a chat of a request: the system prompt is its first message.
func readMessages(raw []byte) (*ask, *apiError) {
	var body struct {
		ask
		System   any                         `json:"system"`
		Stops    json.RawMessage             `json:"stop_sequences"`
		Tools    []messageTool               `json:"tools"`
		Choice   struct{ Type, Name string } `json:"tool_choice"`
		Thinking struct{ Type string }       `json:"thinking"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, invalid(raw, err)
	}
	a := &body.ask
	a.Stop, a.StreamOptions, a.N, a.MaxCompletionTokens = body.Stops, nil, nil, nil
	a.MinTokens, a.IgnoreEOS, a.Priority = 0, false, 0 // vLLM has no such fields here, and passes over them
	a.Tools, a.ToolChoice = nil, chosen(body.Choice.Type, body.Choice.Name)
	for _, t := range body.Tools {
		a.Tools = append(a.Tools, functionTool(t.Name, t.Description, t.Schema))
	}
	if body.Thinking.Type == "disabled" {
		a.ReasoningEffort = "none"
	}
	for i := range a.Messages {
		a.Messages[i] = a.Messages[i].Spoken()
	}
	if system := (tokenizer.Message{Content: body.System}).Text(); system != "" {
		a.Messages = append([]tokenizer.Message{{Role: "system", Content: system}}, a.Messages...)
	}
	return a, nil
}

// A messageTool is a tool in the shape that messages have.
type messageTool struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Schema      map[string]any `json:"input_schema"`
}

func functionTool(name, description string, parameters map[string]any) (t tool) {
	t.Type, t.Function.Name, t.Function.Description, t.Function.Parameters = "function", name, description, parameters
	return t
}

// chosen is a choice of tools as a chat has it.
func chosen(kind, name string) json.RawMessage {
	var choice any = kind
	switch kind {
	case "":
		return nil
	case "any":
		choice = "required"
	case "tool", "function":
		choice = map[string]any{"type": "function", "function": map[string]string{"name": name}}
	}
	raw, _ := json.Marshal(choice) // of strings
	return raw
}
