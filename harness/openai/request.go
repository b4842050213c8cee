package openai

import (
	"cmp"
	"encoding/json"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
)

// Prepare makes the body of a prompt before it is due.
func (c *Client) Prepare(p harness.Prompt) harness.Prompt {
	p.Request = c.request(p)
	if c.wording != nil && c.wording.off > 0 && p.TokenIDs != nil || len(p.Media) > 0 {
		p.Tokens = 0 // its length is not exact
	}
	return p
}

// request is that of a prompt. Bodies are built before the
// send, so that building one makes no request late.
func (c *Client) request(p harness.Prompt) *client.Request {
	if made, ok := p.Request.(*client.Request); ok {
		return made
	}
	body, _ := json.Marshal(c.members(p)) // strings, numbers, and JSON that was read: they always marshal
	return &client.Request{Path: c.path(p), Body: body, Most: most(&p)}
}

// path is where a prompt is asked. Completions have no place for images and the like.
func (c *Client) path(p harness.Prompt) string {
	if p.Messages != nil || c.Chat || len(p.Media) > 0 {
		return "/v1/chat/completions"
	}
	return "/v1/completions"
}

// members are those of the body. What the harness relies on comes last, so that
// nothing which a dataset asks for besides can change it.
func (c *Client) members(p harness.Prompt) map[string]any {
	salt, mediaSalt := saltOf(p), saltOfMedia(p)
	if c.Unsalted && salt != "" {
		p = apart(p, salt)
	}
	p = c.asChat(p)
	members := map[string]any{}
	for name, value := range p.Extra {
		members[name] = value
	}
	members["model"], members["stream"] = cmp.Or(p.Model, c.Model), !c.AtOnce
	if options := c.options(); options != nil {
		members["stream_options"] = options
	} else {
		delete(members, "stream_options")
	}
	limit := "max_tokens"
	switch {
	case p.Messages != nil:
		if members["messages"] = c.illustrated(p.Messages, mediaSalt); !c.dialect.oldLimit {
			limit = "max_completion_tokens"
		}
	case p.TokenIDs != nil:
		members["prompt"] = p.TokenIDs
	default:
		members["prompt"] = p.Text
	}
	if p.MaxTokens > 0 {
		members[limit] = p.MaxTokens
	}
	if p.MinTokens > 0 {
		members["min_tokens"] = p.MinTokens
	}
	if p.IgnoreEOS {
		members["ignore_eos"] = true
	}
	if p.IgnoreEOS && !c.dialect.noMinTokens {
		members["min_tokens"] = p.MaxTokens
	}
	if c.Unsalted {
		delete(members, saltMember)
	} else if salt != "" {
		members[saltMember] = salt
	}
	if p.Priority != 0 {
		members["priority"] = p.Priority
	}
	return members
}

// options are what a stream tells besides the answer; nil where there is none, or the server takes none.
func (c *Client) options() map[string]bool {
	if c.dialect.noUsage || c.AtOnce {
		return nil
	}
	options := map[string]bool{"include_usage": true}
	if c.CountTokens && !c.dialect.noCounts {
		options["continuous_usage_stats"] = true
	}
	return options
}
