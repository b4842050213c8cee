package openai

import (
	"cmp"
	"encoding/json"

	"github.com/vllmspec/vllmspec/harness"
)

// Prepare makes the body of a prompt before it is due.
func (c *Client) Prepare(p harness.Prompt) harness.Prompt {
	_, p.Body = c.request(p)
	return p
}

// request is the path and the body of a prompt. Bodies are built before the
// send, so that building one makes no request late.
func (c *Client) request(p harness.Prompt) (path string, body []byte) {
	path = "/v1/completions"
	if p.Messages != nil {
		path = "/v1/chat/completions"
	}
	if p.Body != nil {
		return path, p.Body
	}
	body, _ = json.Marshal(c.fields(p)) // strings, numbers, and JSON that was read: they always marshal
	return path, body
}

// fields are those of the body. What the harness relies on comes last, so that
// nothing which a dataset asks for besides can change it.
func (c *Client) fields(p harness.Prompt) map[string]any {
	fields := map[string]any{}
	for name, value := range p.Extra {
		fields[name] = value
	}
	fields["model"], fields["stream"], fields["stream_options"] = cmp.Or(p.Model, c.Model), true, map[string]bool{"include_usage": true}
	limit := "max_tokens"
	switch {
	case p.Messages != nil:
		fields["messages"], limit = p.Messages, "max_completion_tokens"
	case p.TokenIDs != nil:
		fields["prompt"] = p.TokenIDs
	default:
		fields["prompt"] = p.Text
	}
	if p.MaxTokens > 0 {
		fields[limit] = p.MaxTokens
	}
	if p.IgnoreEOS {
		fields["ignore_eos"], fields["min_tokens"] = true, p.MaxTokens
	}
	if p.CacheSalt != "" {
		fields["cache_salt"] = p.CacheSalt
	}
	if p.Priority != 0 {
		fields["priority"] = p.Priority
	}
	return fields
}
