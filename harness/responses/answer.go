package responses

import (
	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// An answer is one that comes in events. It is whole with the event that ends it: vLLM calls that
// response.completed also where the answer is incomplete, others response.incomplete.
type answer struct{ ended bool }

// Ended reports whether the answer is whole.
func (a *answer) Ended() bool { return a.ended }

// Take reads an event.
func (a *answer) Take(kind string, event gjson.Result, c *harness.Chunk) (known bool, err error) {
	switch kind {
	case "response.output_text.delta":
		c.Text = wire.Spoken(event.Get("delta"))
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta", "response.mcp_call_arguments.delta", "response.code_interpreter_call_code.delta":
		c.Call = wire.Spoken(event.Get("delta"))
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta", "response.reasoning.delta": // the last is an older name of the first
		c.Reasoning = wire.Spoken(event.Get("delta"))
	case "response.refusal.delta":
		c.Refusal = wire.Spoken(event.Get("delta"))
	case "response.output_item.added":
		c.Call = wire.Word(event.Get("item.name"))
	case "response.created", "response.queued", "response.in_progress":
		identify(event.Get("response"), c)
	case "response.completed", "response.incomplete":
		a.ended = true
		return true, end(event.Get("response"), c)
	case "response.failed":
		return true, wire.InStream(complaint(event))
	case "response.output_item.done", "response.output_text.done", "response.content_part.added", "response.content_part.done", "response.function_call_arguments.done",
		"response.reasoning_part.added", "response.reasoning_part.done", "response.reasoning_text.done", "response.reasoning_summary_part.added",
		"response.reasoning_summary_part.done", "response.reasoning_summary_text.done", "response.refusal.done":
	default:
		return false, nil
	}
	return true, nil
}

// complaint is why a response failed, in the server's words.
func complaint(event gjson.Result) string {
	if said := wire.ComplaintOf(event.Get("response")); said != "" && event.Get("response.error").Exists() {
		return said
	}
	return wire.Complaint([]byte(event.Raw))
}

// identify takes what says which response it is.
func identify(response gjson.Result, c *harness.Chunk) {
	c.RequestID, c.Model = wire.Word(response.Get("id")), wire.Word(response.Get("model"))
}

// end takes what is said of a response that has ended: how, and how many tokens there were.
func end(response gjson.Result, c *harness.Chunk) error {
	identify(response, c)
	switch status := wire.Word(response.Get("status")); status {
	case "completed":
		c.Finish = "stop"
		if calls(response.Get("output")) {
			c.Finish = "tool_calls"
		}
	case "incomplete":
		c.Finish = incomplete(wire.Word(response.Get("incomplete_details.reason")))
	case "failed":
		return wire.InStream(wire.Complaint([]byte(response.Raw)))
	case "":
		return wire.Malformed("the response that ends the answer has no status")
	default:
		c.Finish = status // "cancelled"
	}
	c.Usage = usage(response.Get("usage"))
	return nil
}

// incomplete is the finish reason of an answer that a limit or a filter ended, in the words that chats have.
func incomplete(reason string) string {
	switch reason {
	case "max_output_tokens", "max_tokens":
		return "length"
	case "":
		return "incomplete"
	}
	return reason
}

// calls reports whether the last of what was put out is a call.
func calls(output gjson.Result) (yes bool) {
	output.ForEach(func(_, item gjson.Result) bool {
		kind := wire.Word(item.Get("type"))
		yes = kind == "function_call" || kind == "custom_tool_call" || kind == "mcp_call"
		return true
	})
	return yes
}

// usage is what the server counted; nil where it does not say.
func usage(v gjson.Result) *harness.Usage {
	if !v.IsObject() {
		return nil
	}
	n := wire.Counts{Of: v}
	return n.Usage(harness.Usage{
		PromptTokens: n.Number("input_tokens"), OutputTokens: n.Number("output_tokens"), TotalTokens: n.Number("total_tokens"),
		CachedTokens: n.Number("input_tokens_details.cached_tokens"), ReasoningTokens: n.Number("output_tokens_details.reasoning_tokens"),
	})
}

// atOnce reads a response in one piece.
func atOnce(response gjson.Result, c *harness.Chunk) error {
	if !response.Get("output").IsArray() {
		return wire.Malformed("what came is no response: it has no list of outputs")
	}
	for _, item := range response.Get("output").Array() {
		c.Call += wire.Word(item.Get("name")) + wire.Word(item.Get("arguments")) + wire.Word(item.Get("input"))
		for _, part := range item.Get("content").Array() {
			c.Refusal += wire.Word(part.Get("refusal"))
			if wire.Word(item.Get("type")) == "reasoning" {
				c.Reasoning += wire.Word(part.Get("text"))
			} else {
				c.Text += wire.Word(part.Get("text"))
			}
		}
		for _, part := range item.Get("summary").Array() {
			c.Reasoning += wire.Word(part.Get("text"))
		}
	}
	return end(response, c)
}
