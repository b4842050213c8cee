// Package generate asks a server over vLLM's interface of tokens in and tokens out: a request is token ids, and so is
// its answer. A router that tokenizes by itself asks so, and so does a trainer that samples. The server neither tokenizes
// nor parses anything. Requests are made here; the reading of answers, connections, models and errors are those of
// [github.com/vllmspec/vllmspec/harness/openai].
package generate

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// Path is where tokens are asked for.
const Path = "/inference/v1/generate"

// A Client asks one model of one server for tokens, over the connections of an OpenAI client.
type Client struct {
	*openai.Client // answers come in one piece where its own would
}

// Ask sends the token ids of the prompt, and yields the answer. The text of its chunks is the list of their token ids.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return c.Stream(ctx, c.request(p), c)
}

// Read reads an answer: see [client.Protocol].
func (c *Client) Read(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	return c.ReadTokenIDs(from, label, most)
}

// Prepare makes the body of a prompt before it is due.
func (c *Client) Prepare(p harness.Prompt) harness.Prompt {
	p.Request = c.request(p)
	return p
}

func (c *Client) request(p harness.Prompt) *client.Request {
	if made, ok := p.Request.(*client.Request); ok {
		return made
	}
	body, _ := json.Marshal(c.members(p)) // strings, numbers, and JSON that was read: they always marshal
	return &client.Request{Path: Path, Body: body, Most: limit.AnswerBytes(p.MaxTokens) * p.Choices()}
}

// Lacks is what a prompt asks for that this interface has no field for; nil where it can be asked.
func Lacks(p harness.Prompt) error {
	if p.TokenIDs == nil {
		return errors.New("tokens are generated from token ids, and conversations and texts have none; ask prompts of a length: prompts of 512 tokens are answered in 128 tokens")
	}
	return media.Lacking(p, "generate", "token ids")
}

// members are those of the body. What the harness relies on comes last, so that nothing which a dataset asks
// for besides can change it. Everything that is asked besides is a parameter of sampling.
func (c *Client) members(p harness.Prompt) map[string]any {
	p, salt := c.Salted(p)
	sampling := map[string]any{}
	for name, value := range p.Extra {
		switch name {
		case "cache_salt", "stream_options", "stream", "model", "priority":
		default:
			sampling[name] = value
		}
	}
	if p.MaxTokens > 0 {
		sampling["max_tokens"] = p.MaxTokens
	}
	if p.MinTokens > 0 {
		sampling["min_tokens"] = p.MinTokens
	}
	if p.IgnoreEOS {
		sampling["ignore_eos"], sampling["min_tokens"] = true, p.MaxTokens
	}
	members := map[string]any{"model": cmp.Or(p.Model, c.Model), "token_ids": p.TokenIDs, "sampling_params": sampling, "stream": !c.AtOnce}
	if !c.AtOnce {
		members["stream_options"] = map[string]bool{"include_usage": true}
	}
	if salt != "" {
		members["cache_salt"] = salt
	}
	if p.Priority != 0 {
		members["priority"] = p.Priority
	}
	return members
}
