package openai

import (
	"cmp"
	"encoding/json"

	"github.com/vllmspec/vllmspec/harness"
)

// request is the path and the body of a prompt. Bodies are built before the
// send, so that building one makes no request late.
func (c *Client) request(p harness.Prompt) (string, []byte) {
	body := map[string]any{
		"model": cmp.Or(p.Model, c.Model), "stream": true, "stream_options": map[string]bool{"include_usage": true},
	}
	limit, path := "max_tokens", "/v1/completions"
	switch {
	case p.Messages != nil:
		body["messages"], limit, path = p.Messages, "max_completion_tokens", "/v1/chat/completions"
	case p.TokenIDs != nil:
		body["prompt"] = p.TokenIDs
	default:
		body["prompt"] = p.Text
	}
	if p.MaxTokens > 0 {
		body[limit] = p.MaxTokens
	}
	if p.IgnoreEOS {
		body["ignore_eos"], body["min_tokens"] = true, p.MaxTokens
	}
	if p.CacheSalt != "" {
		body["cache_salt"] = p.CacheSalt
	}
	if p.Priority != 0 {
		body["priority"] = p.Priority
	}
	raw, _ := json.Marshal(body) // maps of strings, numbers and texts always marshal
	return path, raw
}
