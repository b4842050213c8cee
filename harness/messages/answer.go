package messages

import (
	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// An answer is one that comes in events. It is whole with message_stop, where message_delta has brought the
// reason why it ended.
type answer struct{ finished, ended bool }

// Ended reports whether the answer is whole.
func (a *answer) Ended() bool { return a.ended }

// Take reads an event.
func (a *answer) Take(kind string, event gjson.Result, c *harness.Chunk) (known bool, err error) {
	switch kind {
	case "message_start":
		message := event.Get("message")
		c.RequestID, c.Model = wire.Word(message.Get("id")), wire.Word(message.Get("model"))
	case "content_block_start":
		block := event.Get("content_block")
		c.Text, c.Call = wire.Word(block.Get("text")), wire.Word(block.Get("name"))
		c.Reasoning = wire.Word(block.Get("thinking"))
	case "content_block_delta":
		delta := event.Get("delta")
		c.Text, c.Call = wire.Word(delta.Get("text")), wire.Word(delta.Get("partial_json"))
		c.Reasoning = wire.Word(delta.Get("thinking"))
	case "message_delta":
		c.Finish = finish(wire.Word(event.Get("delta.stop_reason")))
		c.Usage = usage(event.Get("usage"))
		a.finished = a.finished || c.Finish != ""
	case "message_stop":
		if !a.finished {
			return true, wire.CutShort("the message stopped without a stop_reason")
		}
		a.ended = true
	case "content_block_stop", "ping":
	default:
		return false, nil
	}
	return true, nil
}

// finish is why an answer ended, in the words that chats have.
func finish(reason string) string {
	switch reason {
	case "end_turn", "stop_sequence":
		return "stop"
	case "max_tokens":
		return "length"
	case "tool_use":
		return "tool_calls"
	}
	return reason
}

// usage is what the server counted; nil where it does not say. What stood in the cache, and what was put there,
// is no part of input_tokens; where vLLM does not say how much that was, it is.
func usage(v gjson.Result) *harness.Usage {
	if !v.IsObject() {
		return nil
	}
	n := wire.Counts{Of: v}
	prompt, cached, created := n.Number("input_tokens"), n.Number("cache_read_input_tokens"), n.Number("cache_creation_input_tokens")
	if prompt != harness.Unreported {
		prompt += max(0, cached) + max(0, created)
	}
	return n.Usage(harness.Usage{PromptTokens: prompt, OutputTokens: n.Number("output_tokens"), CachedTokens: cached, ReasoningTokens: harness.Unreported, TotalTokens: harness.Unreported})
}

// atOnce reads a message in one piece.
func atOnce(message gjson.Result, c *harness.Chunk) error {
	if !message.Get("content").IsArray() {
		return wire.Malformed("what came is no message: it has no list of contents")
	}
	for _, block := range message.Get("content").Array() {
		c.Reasoning += wire.Word(block.Get("thinking"))
		c.Text += wire.Word(block.Get("text"))
		if wire.Word(block.Get("type")) == "tool_use" {
			c.Call += wire.Word(block.Get("name")) + block.Get("input").Raw
		}
	}
	c.RequestID, c.Model, c.Usage = wire.Word(message.Get("id")), wire.Word(message.Get("model")), usage(message.Get("usage"))
	if c.Finish = finish(wire.Word(message.Get("stop_reason"))); c.Finish == "" {
		return wire.CutShort("the message has no stop_reason")
	}
	return nil
}
