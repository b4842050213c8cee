// Package responses asks a server over OpenAI's Responses interface as vLLM has it, streamed or in one piece.
// It makes the requests, reads the answers, and decides whether one is whole; connections, models and
// errors are those of [github.com/vllmspec/vllmspec/harness/openai].
package responses

import (
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// Path is where responses are asked for.
const Path = "/v1/responses"

// New is a client that asks the model of another one for responses.
func New(at *openai.Client) *openai.Typed {
	return &openai.Typed{Client: at, Path: Path, Members: members, Events: typed(), Whole: atOnce}
}

func typed() *wire.Typed {
	return &wire.Typed{New: func() wire.Answer { return new(answer) }, Lacks: "response.completed", Member: "output", Text: "delta", Number: "sequence_number"}
}
