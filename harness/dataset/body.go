package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A line is one prompt as a file has it.
type line struct {
	Prompt    string
	TokenIDs  []int
	Messages  []json.RawMessage
	MaxTokens int64
	IgnoreEOS bool
	Extra     map[string]json.RawMessage
}

// parseLine reads a line of JSON, or what OpenAI's batches have under "body" on it.
func parseLine(text []byte) (l line, err error) {
	const form = `%w; a line is {"prompt": "…"} or {"messages": […]}`
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return l, fmt.Errorf(form, explainJSON(err))
	}
	if body, ok := fields["body"]; ok {
		fields = nil
		if err := json.Unmarshal(body, &fields); err != nil {
			return l, fmt.Errorf(form, explainJSON(err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) { // the first mistake is the same every time
		if err := l.take(name, fields[name]); err != nil {
			return l, err
		}
	}
	return l, nil
}

// take takes one field. Those that it does not know say nothing about the work that
// the server has: names, categories, whose model it was.
func (l *line) take(name string, value json.RawMessage) error {
	var err error
	switch name {
	case "prompt":
		if err = json.Unmarshal(value, &l.Prompt); err != nil && json.Unmarshal(value, &l.TokenIDs) == nil {
			err = nil
		}
	case "messages":
		err = json.Unmarshal(value, &l.Messages)
	case "max_completion_tokens":
		err = json.Unmarshal(value, &l.MaxTokens)
	case "max_tokens": // the older name of the same
		if l.MaxTokens == 0 {
			err = json.Unmarshal(value, &l.MaxTokens)
		}
	case "ignore_eos":
		err = json.Unmarshal(value, &l.IgnoreEOS)
	case "n":
		if string(value) != "1" && string(value) != "null" {
			return fmt.Errorf(`"n" is %s; a request is followed to the end of one answer: leave it out`, value)
		}
	case "echo", "use_beam_search":
		if string(value) == "true" {
			return fmt.Errorf("%q makes what comes first something else than the first token: leave it out", name)
		}
	default:
		if asks(name) && string(value) != "null" {
			if l.Extra == nil {
				l.Extra = map[string]json.RawMessage{}
			}
			l.Extra[name] = value
		}
	}
	if err != nil {
		return fmt.Errorf("%q: %w", name, explainJSON(err))
	}
	return nil
}

// asks reports whether a field of a body is sent as it stands: those that change the
// work of the server. What names the model or the way of answering is ours alone.
func asks(name string) bool {
	switch name {
	case "tools", "tool_choice", "parallel_tool_calls",
		"response_format", "structured_outputs",
		"temperature", "top_p", "top_k", "min_p", "seed", "stop", "stop_token_ids", "min_tokens", "logit_bias",
		"presence_penalty", "frequency_penalty", "repetition_penalty", "logprobs", "top_logprobs",
		"reasoning_effort", "include_reasoning", "thinking_token_budget", "chat_template_kwargs", "documents",
		"mm_processor_kwargs", "truncate_prompt_tokens", "add_special_tokens", "priority", "cache_salt":
		return true
	}
	return false
}

// explainJSON says in our words what encoding/json says in Go's.
func explainJSON(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("there is a JSON %s where it does not belong", kind.Value)
	}
	return err
}
