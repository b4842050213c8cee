package api

import (
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
)

// A responseStream writes one answer of /v1/responses.
type responseStream struct {
	*wire
	server  *Handler
	q       *request
	seq     *engine.Sequence
	id      string
	created int64
	number  int    // of the next event
	item    string // the type of the item that is being written; "": none is
	index   int    // of that item, or of the next
	from    int    // the first token of that item
}

// The types of items.
const (
	reasoningItem = "reasoning"
	messageItem   = "message"
	callItem      = "function_call"
)

func (s *responseStream) open() {
	if !s.stream {
		return
	}
	s.wire.open()
	s.event("response.created", map[string]any{"response": s.response("in_progress")})
	s.event("response.in_progress", map[string]any{"response": s.response("in_progress")})
}

func (s *responseStream) event(kind string, fields map[string]any) {
	fields["type"], fields["sequence_number"] = kind, s.number
	s.number++
	s.named(kind, fields)
}

func (s *responseStream) tokens(_, from, to int) {
	for from < to {
		n := min(s.q.span(s.server.engine, s.seq, from), to-from)
		if thinking := s.seq.Answer.Reasoning - from; thinking > 0 {
			n = min(n, thinking)
		}
		s.delta(from, from+n)
		from += n
	}
}

// delta writes what tokens [from, to) say, which are all of one item.
func (s *responseStream) delta(from, to int) {
	text := s.seq.Answer.Text(from, to)
	switch c := s.seq.Answer.Call; {
	case c != nil:
		s.begin(callItem, from)
		if piece := toolCallDeltas(c, s.id, from, to)[0].Function.Arguments; piece != "" {
			s.event("response.function_call_arguments.delta", s.of(map[string]any{"delta": piece}))
		}
	case from < s.seq.Answer.Reasoning:
		if text != "" { // a parser kept it to itself
			s.begin(reasoningItem, from)
			s.event("response.reasoning_text.delta", s.part(map[string]any{"delta": text}))
		}
	default:
		s.begin(messageItem, from)
		s.event("response.output_text.delta", s.part(map[string]any{"delta": text, "logprobs": []any{}}))
	}
}

// begin begins an item, unless one of its type is being written.
func (s *responseStream) begin(kind string, from int) {
	if s.item == kind {
		return
	}
	s.end(from)
	s.item, s.from = kind, from
	s.event("response.output_item.added", map[string]any{"output_index": s.index, "item": s.written(kind, "in_progress", from, from)})
	switch kind {
	case messageItem:
		opened := said("")
		opened["logprobs"] = []any{}
		s.event("response.content_part.added", s.part(map[string]any{"part": opened}))
	case reasoningItem:
		s.event("response.reasoning_part.added", s.part(map[string]any{"part": thought("")}))
	}
}

// end ends the item that is being written, whose tokens end before to.
func (s *responseStream) end(to int) {
	if s.item == "" {
		return
	}
	text := s.seq.Answer.Text(s.from, to)
	switch s.item {
	case messageItem:
		s.event("response.output_text.done", s.part(map[string]any{"text": text, "logprobs": []any{}}))
		s.event("response.content_part.done", s.part(map[string]any{"part": said(text)}))
	case reasoningItem:
		s.event("response.reasoning_text.done", s.part(map[string]any{"text": text}))
		s.event("response.reasoning_part.done", s.part(map[string]any{"part": thought(text)}))
	case callItem:
		call := toolCallDeltas(s.seq.Answer.Call, s.id, s.from, to)[0].Function
		s.event("response.function_call_arguments.done", s.of(map[string]any{"name": call.Name, "arguments": call.Arguments}))
	}
	s.event("response.output_item.done", map[string]any{"output_index": s.index, "item": s.written(s.item, "completed", s.from, to)})
	s.item = ""
	s.index++
}

// of says which item an event is about, and part which part of it.
func (s *responseStream) of(fields map[string]any) map[string]any {
	fields["item_id"], fields["output_index"] = s.itemID(s.item), s.index
	return fields
}

func (s *responseStream) part(fields map[string]any) map[string]any {
	fields["content_index"] = 0
	return s.of(fields)
}

func (s *responseStream) itemID(kind string) string {
	return map[string]string{reasoningItem: "msg_r", messageItem: "msg_", callItem: "fc_"}[kind] + s.id
}

func said(text string) map[string]any {
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": nil}
}

func thought(text string) map[string]any {
	return map[string]any{"type": "reasoning_text", "text": text}
}

// written is an item of tokens [from, to); of none it has no content yet.
func (s *responseStream) written(kind, status string, from, to int) map[string]any {
	item := map[string]any{"id": s.itemID(kind), "type": kind, "status": status}
	text := s.seq.Answer.Text(from, to)
	switch kind {
	case messageItem:
		item["role"], item["content"], item["phase"] = "assistant", []any{}, nil
		if status == "completed" {
			item["content"] = []any{said(text)}
		}
	case reasoningItem:
		item["summary"], item["content"], item["encrypted_content"] = []any{}, nil, nil
		if status == "completed" {
			item["content"] = []any{thought(text)}
		}
	case callItem:
		call := toolCallDeltas(s.seq.Answer.Call, s.id, 0, to)[0].Function
		item["name"], item["call_id"], item["arguments"] = call.Name, "call_"+s.id, call.Arguments
	}
	return item
}

func (s *responseStream) broken(apiErr *apiError) {
	if !s.stream {
		s.server.fail(s.w, apiErr)
		return
	}
	s.event("error", map[string]any{"code": apiErr.kind, "message": apiErr.text, "param": nil})
}

func (s *responseStream) close() {
	if !s.stream {
		s.whole(s.response("completed"))
		return
	}
	if s.item == "" && s.index == 0 && s.seq.Answer.Call == nil { // an answer without a word is an empty message
		s.begin(messageItem, s.q.sent[0])
	}
	s.end(s.q.sent[0])
	s.event("response.completed", map[string]any{"response": s.response("completed")}) // so it is called even where the answer is incomplete
}

// output are the items of an answer.
func (s *responseStream) output() (items []any) {
	a, n := &s.seq.Answer, s.q.sent[0]
	if a.Call != nil {
		return []any{s.written(callItem, "completed", 0, n)}
	}
	thinking := min(n, a.Reasoning)
	if a.Text(0, thinking) != "" {
		items = append(items, s.written(reasoningItem, "completed", 0, thinking))
	}
	if thinking < n || len(items) == 0 {
		items = append(items, s.written(messageItem, "completed", thinking, n))
	}
	return items
}

func (s *responseStream) response(status string) map[string]any {
	out := map[string]any{"id": "resp_" + s.id, "object": "response", "created_at": s.created, "model": s.q.model, "status": status, "output": []any{},
		"incomplete_details": nil, "instructions": nil, "metadata": nil, "parallel_tool_calls": true, "tool_choice": "none", "tools": []any{},
		"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "usage": nil, "background": false, "service_tier": "auto", "truncation": "disabled",
		"max_output_tokens": s.seq.MaxTokens, "max_tool_calls": nil, "previous_response_id": nil, "prompt": nil, "reasoning": nil, "text": nil, "top_logprobs": nil, "user": nil,
		"kv_transfer_params": nil, "ec_transfer_params": nil, "input_messages": nil, "output_messages": nil}
	if status == "completed" {
		n := s.q.sent[0]
		out["output"] = s.output()
		out["usage"] = map[string]any{"input_tokens": len(s.seq.Prompt), "input_tokens_details": map[string]any{"cached_tokens": s.seq.CachedTokens(), "cache_write_tokens": 0, "input_tokens_per_turn": []any{}, "cached_tokens_per_turn": []any{}},
			"output_tokens": n, "output_tokens_details": map[string]any{"reasoning_tokens": min(n, s.seq.Answer.Reasoning), "tool_output_tokens": 0, "output_tokens_per_turn": []any{}, "tool_output_tokens_per_turn": []any{}}, "total_tokens": len(s.seq.Prompt) + n}
		if s.seq.Finished() == "length" {
			out["status"], out["incomplete_details"] = "incomplete", map[string]string{"reason": "max_output_tokens"}
		}
	}
	return out
}
