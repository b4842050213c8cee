// Package messages asks a server over Anthropic's Messages interface as vLLM has it, streamed or in one piece.
// It makes the requests, reads the answers, and decides whether one is whole; connections, models and
// errors are those of [github.com/vllmspec/vllmspec/harness/openai]. vLLM takes its key as it does everywhere,
// as a bearer token, and asks for no anthropic-version; where another server does, both can be set as headers.
package messages

import (
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// Path is where messages are asked for.
const Path = "/v1/messages"

// New is a client that asks the model of another one for messages.
func New(at *openai.Client) *openai.Typed {
	return &openai.Typed{Client: at, Path: Path, Members: members, Events: typed(), Whole: atOnce}
}

func typed() *wire.Typed {
	return &wire.Typed{New: func() wire.Answer { return new(answer) }, Lacks: "message_stop", Member: "stop_reason", Text: "delta.text"}
}
