package openai

import (
	"context"
	"encoding/json"
	"iter"
	"sync/atomic"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A Typed client asks over another interface of conversations, whose streams are events with a type. Connections, models
// and errors are those of the client that it is made of; so is whether answers come in one piece.
type Typed struct {
	*Client

	Path    string                                               // where it is asked
	Members func(of *Client, p harness.Prompt) map[string]any    // of the body
	Events  *wire.Typed                                          // how streams are read
	Whole   func(answer gjson.Result, into *harness.Chunk) error // how an answer in one piece is read

	longEvents atomic.Int64 // bytes of long events that have come in part, of all streams
}

// Ask sends the prompt as a conversation, and yields the answer.
func (t *Typed) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return t.Stream(ctx, t.request(p), t)
}

// Read reads an answer: see [client.Protocol].
func (t *Typed) Read(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	if t.AtOnce {
		return wire.ReadAtOnce(from, label, most, t.Whole)
	}
	return t.Events.Read(&t.Endpoint, &t.longEvents, from, label, most)
}

// Prepare makes the body of a prompt before it is due.
func (t *Typed) Prepare(p harness.Prompt) harness.Prompt {
	p.Request = t.request(p)
	if p.TokenIDs != nil {
		p.Tokens = 0 // it is asked as a text, whose length the server may count otherwise
	}
	return p
}

func (t *Typed) request(p harness.Prompt) *client.Request {
	if made, ok := p.Request.(*client.Request); ok {
		return made
	}
	body, _ := json.Marshal(t.Members(t.Client, p)) // strings, numbers, and JSON that was read: they always marshal
	return &client.Request{Path: t.Path, Body: body, Most: limit.AnswerBytes(p.MaxTokens)}
}
