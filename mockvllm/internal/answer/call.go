package answer

import "github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"

// A Call is the function that an answer calls instead of saying something. Its
// first token is the name, each further one a piece of the arguments.
type Call struct {
	Name   string
	Pieces []string
}

// NewCall is a call of a function with its arguments in JSON.
func NewCall(name, arguments string) *Call {
	_, pieces := tokenizer.EncodePieces(arguments)
	return &Call{Name: name, Pieces: pieces}
}

// Answer is a call as a sequence of tokens, bounded as every answer is.
func (c *Call) Answer(limit int) Answer {
	a := Answer{Call: c, Finish: "tool_calls", IDs: append(tokenizer.Encode(c.Name), tokenizer.EndTurn)[:1]}
	for _, p := range c.Pieces {
		a.IDs = append(a.IDs, tokenizer.Encode(p)[0])
	}
	if len(a.IDs) > limit {
		a.IDs, a.Finish = a.IDs[:limit], "length"
	}
	return a
}
