package openai

import (
	"context"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
)

// Spoken is a prompt as a chat, for interfaces that have nothing else, and the salt that keeps it apart from
// others in a prefix cache; "" where the server takes none, and the prompts differ instead.
func (c *Client) Spoken(p harness.Prompt) (chat harness.Prompt, salt string) {
	own := saltOfMedia(p)
	p, salt = c.Salted(p)
	p = c.spoken(p)
	p.Messages = c.illustrated(p.Messages, own)
	return p, salt
}

// illustrated are messages with their media, which are made now. A salt makes others of them.
func (c *Client) illustrated(messages []harness.Message, salt string) []harness.Message {
	if !slices.ContainsFunc(messages, func(m harness.Message) bool { return len(m.Media) > 0 }) {
		return messages
	}
	out := make([]harness.Message, len(messages))
	for i, m := range messages {
		out[i] = c.media.Message(m, salt)
	}
	return out
}

// Salted is a prompt as it is asked, and the salt that keeps it apart, for interfaces that take it as it is.
func (c *Client) Salted(p harness.Prompt) (harness.Prompt, string) {
	salt := saltOf(p)
	if c.Unsalted && salt != "" {
		return apart(p, salt), ""
	}
	return p, salt
}

// LearnChats lets prompts of token ids be asked as chats of as many tokens, for interfaces that have nothing else.
// Nothing is learnt where none of the prompts is one.
func (f *Fleet) LearnChats(ctx context.Context, server *Server, asks ...harness.Prompt) error {
	for i, c := range f.Replicas {
		c.wording = f.Replicas[0].wording
		if err := c.chats(ctx, server, asks); err != nil && i == 0 {
			return c.CleanError(err)
		}
	}
	return nil
}
