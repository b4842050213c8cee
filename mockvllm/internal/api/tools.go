package api

import (
	"encoding/json"
	"fmt"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/events"
	"github.com/vllmspec/vllmspec/mockvllm/internal/media"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
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

// look finds what the media of messages become, and counts them.
func (s *Handler) look(messages []tokenizer.Message) *apiError {
	var all []media.Medium
	for i := range messages {
		parts, _ := messages[i].Content.([]any)
		for _, part := range parts {
			fields, _ := part.(map[string]any)
			m, ok, err := media.Read(fields)
			if err != nil {
				return bad("", "%v", err)
			}
			if ok {
				messages[i].Media, all = append(messages[i].Media, m.Tokens...), append(all, m)
			}
		}
	}
	if len(all) > 0 {
		s.metrics.Looked(len(all), s.seen.Look(all))
	}
	return nil
}

// chatTokens is the prompt of a chat: the tools stand before it, as JSON, in a
// message of the system's.
func (a *ask) chatTokens() []tokenizer.Token {
	if len(a.Tools) == 0 {
		return tokenizer.EncodeChat(a.Messages)
	}
	described, _ := json.Marshal(a.Tools)
	return tokenizer.EncodeChat(append([]tokenizer.Message{{Role: "system", Content: string(described)}}, a.Messages...))
}

// calls decides which tool an answer calls, if any. With "auto" it calls the
// first one as long as the last word is the user's; once a tool's result is
// there it answers in words, so that a loop over calls comes to an end.
func (a *ask) calls() (*answer.Call, *apiError) {
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

func (t tool) call() *answer.Call {
	raw, _ := json.Marshal(answer.Example(t.Function.Parameters))
	return answer.NewCall(t.Function.Name, string(raw))
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

// toolCallDeltas is what tokens [from, to) add to a call.
func toolCallDeltas(c *answer.Call, id string, from, to int) []toolCall {
	var out toolCall
	if from == 0 {
		out.ID, out.Type, out.Function.Name = callID(id), "function", c.Name
	}
	for _, p := range c.Pieces[max(0, from-1):max(0, to-1)] {
		out.Function.Arguments += p
	}
	return []toolCall{out}
}

func callID(id string) string { return fmt.Sprintf("chatcmpl-tool-%s", id[max(0, len(id)-16):]) }

// called is what tokens [from, to) add to a call; nil where none is made.
func called(seq *engine.Sequence, id string, from, to int) *events.Call {
	c := seq.Answer.Call
	if c == nil {
		return nil
	}
	return &events.Call{ID: callID(id), Name: c.Name, Arguments: toolCallDeltas(c, id, from, to)[0].Function.Arguments}
}
