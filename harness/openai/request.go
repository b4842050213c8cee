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
	body, _ = json.Marshal(c.members(p)) // strings, numbers, and JSON that was read: they always marshal
	return path, body
}

// members are those of the body. What the harness relies on comes last, so that
// nothing which a dataset asks for besides can change it.
func (c *Client) members(p harness.Prompt) map[string]any {
	members := map[string]any{}
	for name, value := range p.Extra {
		members[name] = value
	}
	options := map[string]bool{"include_usage": true}
	if c.CountTokens {
		options["continuous_usage_stats"] = true
	}
	members["model"], members["stream"], members["stream_options"] = cmp.Or(p.Model, c.Model), true, options
	limit := "max_tokens"
	switch {
	case p.Messages != nil:
		members["messages"], limit = p.Messages, "max_completion_tokens"
	case p.TokenIDs != nil:
		members["prompt"] = p.TokenIDs
	default:
		members["prompt"] = p.Text
	}
	if p.MaxTokens > 0 {
		members[limit] = p.MaxTokens
	}
	if p.IgnoreEOS {
		members["ignore_eos"], members["min_tokens"] = true, p.MaxTokens
	}
	if p.CacheSalt != "" {
		members["cache_salt"] = p.CacheSalt
	}
	if p.Priority != 0 {
		members["priority"] = p.Priority
	}
	return members
}
