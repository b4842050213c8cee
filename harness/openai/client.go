// Package openai asks a server that speaks OpenAI's HTTP interface as vLLM
// does: completions and chat, streamed or in one piece. It makes the requests, reads the answers, and
// decides whether one is whole; connections are for
// [github.com/vllmspec/vllmspec/harness/client].
package openai

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/media"
	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A Client asks one model of one server. Only URL is needed. Nothing but Model,
// CountTokens, Chat, AtOnce and Unsalted may be changed once it was used, and none of it during a load.
type Client struct {
	client.Endpoint        // its URL is the base address, without /v1
	Model           string // "": the one that Named means
	Named           string // the model as the feature calls it; "": any

	// CountTokens asks the server how many tokens each chunk holds, which costs it
	// and us something for every one.
	CountTokens bool

	// Chat asks chats in place of completions. A preflight sets it for a server that has
	// no completions.
	Chat bool

	// Unsalted lets prompts whose salts differ begin differently: the server takes no
	// cache_salt.
	Unsalted bool

	// AtOnce asks for answers in one piece, which are not streamed.
	AtOnce bool

	chatHead int // see [Fleet.ChatHead]

	sendsUsage atomic.Bool  // it sent usage after a finish reason
	longEvents atomic.Int64 // bytes of long events that have come in part, of all streams
	dialect    dialect      // learnt before the load
	software   servers.Software
	mocked     bool // the mock has answered
	media      media.Kept
	wording    *wording // of chats that are asked in place of token ids; learnt then too
}

// Ask sends the prompt, as a chat when it has messages, or the client asks chats only, and
// else as a completion, and yields the answer.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return c.Stream(ctx, c.request(p), c)
}

// Read reads a stream of server-sent events, or an answer in one piece: see [client.Protocol].
func (c *Client) Read(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	if c.AtOnce {
		return wire.ReadAtOnce(from, label, most, atOnce)
	}
	return c.streamed(&stream{client: c, label: label}, from, most)
}

// ReadTokenIDs reads the same of an interface whose answers are token ids. The text of a chunk is then the list of its ids.
func (c *Client) ReadTokenIDs(from client.Body, label string, most int) iter.Seq2[harness.Chunk, error] {
	if c.AtOnce {
		return wire.ReadAtOnce(from, label, most, idsAtOnce)
	}
	return c.streamed(&stream{client: c, label: label, ofIDs: true}, from, most)
}

// Complaint is what the body of an error says, in any of the shapes there are.
func (c *Client) Complaint(body []byte) string { return wire.Complaint(body) }

// Warm opens connections for so many requests in flight: see [client.Endpoint.Warm].
func (c *Client) Warm(ctx context.Context, requests int) error {
	return c.Endpoint.Warm(ctx, requests, "/v1/models")
}

// most is how many bytes an answer to a prompt may have.
func most(p *harness.Prompt) int { return limit.AnswerBytes(p.MaxTokens) * p.Choices() }
