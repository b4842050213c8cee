// Package messages asks a server over Anthropic's Messages interface as vLLM has it, streamed or in one piece.
// It makes the requests, reads the answers, and decides whether one is whole; connections, models and
// errors are those of [github.com/vllmspec/vllmspec/harness/openai]. vLLM takes its key as it does everywhere,
// as a bearer token, and asks for no anthropic-version; where another server does, both can be set as headers.
package messages

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// Path is where messages are asked for.
const Path = "/v1/messages"

// A Client asks one model of one server for messages, over the connections of an OpenAI client.
type Client struct {
	*openai.Client // answers come in one piece where its own would

	longEvents atomic.Int64 // bytes of long events that have come in part, of all streams
}

// Ask sends the prompt as a conversation, and yields the answer.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return c.Stream(ctx, c.request(p), c)
}

// Read reads an answer: see [client.Protocol].
func (c *Client) Read(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	if c.AtOnce {
		return wire.ReadAtOnce(from, label, most, atOnce)
	}
	return typed().Read(&c.Endpoint, &c.longEvents, from, label, most)
}

func typed() *wire.Typed {
	return &wire.Typed{New: func() wire.Answer { return new(answer) }, Lacks: "message_stop", Member: "stop_reason", Text: "delta.text"}
}
