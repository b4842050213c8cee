package openai

import (
	"context"

	"github.com/vllmspec/vllmspec/harness"
)

// Spoken is a prompt as a chat, for interfaces that have nothing else, and the salt that keeps it apart from
// others in a prefix cache; "" where the server takes none, and the prompts differ instead.
func (c *Client) Spoken(p harness.Prompt) (chat harness.Prompt, salt string) {
	salt = saltOf(p)
	if c.Unsalted && salt != "" {
		p, salt = apart(p, salt), ""
	}
	return c.spoken(p), salt
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
