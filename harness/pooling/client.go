// Package pooling asks a server for what pooling models make of texts, as vLLM's interfaces for
// them do: embeddings, classes, pooled states, scores of pairs and rankings. An answer comes at once,
// and is whole where it has one finite result for each input. Connections, errors and models are those of
// [github.com/vllmspec/vllmspec/harness/openai].
package pooling

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A Client asks one model of one server to do one task, over the connections of an OpenAI client.
type Client struct {
	*openai.Client
	Task Task
	Path string // "": the task's first
}

// Ask sends the inputs of a prompt, and yields the answer to all of them.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return c.Stream(ctx, c.request(p), reader{c, len(p.Inputs)})
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
	members := map[string]any{}
	for name, value := range p.Extra {
		members[name] = value
	}
	members["model"] = c.Model
	if p.Model != "" {
		members["model"] = p.Model
	}
	if p.Priority != 0 {
		members["priority"] = p.Priority
	}
	if p.CacheSalt != "" {
		members["cache_salt"] = p.CacheSalt
	}
	c.Task.put(p, members)
	body, _ := json.Marshal(members) // strings, numbers, and JSON that was read: they always marshal
	path := c.Path
	if path == "" {
		path = c.Task.Paths[0]
	}
	return &client.Request{Path: path, Body: body, Most: mostBytes(p.Inputs)}
}

// mostBytes is how long the answer to some inputs may be: of each a vector of any model there is, or one
// of each of its tokens.
func mostBytes(inputs []harness.Input) int {
	const (
		someBytes = 8 << 20
		perInput  = 1 << 20
		perByte   = 16 << 10 // of a text; a token has several
		most      = 512 << 20
	)
	total := someBytes
	for _, input := range inputs {
		total = min(most, total+perInput+perByte*min(input.Length(), most/perByte))
	}
	return total
}
