// Package events writes answers in typed events: those of OpenAI's Responses and those of Anthropic's
// Messages, in the order and with the fields that vLLM gives them. Each event is an object; how it travels is
// for the caller.
package events

// An Emit writes an event of a type.
type Emit func(kind string, fields map[string]any)

// A Call is one of a tool, as far as it was made.
type Call struct{ ID, Name, Arguments string }
