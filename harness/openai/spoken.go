package openai

import (
	"context"

	"github.com/vllmspec/vllmspec/harness"
)

// Spoken is a prompt as a chat, for interfaces that have nothing else, and the salt that keeps it apart from
// others in a prefix cache; "" where the server takes none, and the prompts differ instead.
func (c *Client) Spoken(p harness.Prompt) (chat harness.Prompt, salt string) {
	p, salt = c.Salted(p)
	return c.spoken(p), salt
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
