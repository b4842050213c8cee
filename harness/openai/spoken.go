package openai

import "github.com/vllmspec/vllmspec/harness"

// Spoken is a prompt as a chat, for interfaces that have nothing else, and the salt that keeps it apart from
// others in a prefix cache; "" where the server takes none, and the prompts differ instead.
func (c *Client) Spoken(p harness.Prompt) (chat harness.Prompt, salt string) {
	salt = saltOf(p)
	if c.Unsalted && salt != "" {
		p, salt = apart(p, salt), ""
	}
	return c.spoken(p), salt
}
