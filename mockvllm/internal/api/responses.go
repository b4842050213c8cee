package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// responses answers /v1/responses: the same engine, in the events of
// OpenAI's Responses interface, which has no [DONE].
func (s *Handler) responses(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, apiErr := readResponses(in.body)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	q, apiErr := s.admit(r, in, a, chat)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	to := newWire(w, a.Stream, in.hit)
	out := &responseStream{wire: to, server: s, q: q, seq: q.sequences[0], id: q.id, created: time.Now().Unix()}
	exchange{s, r, q, to, out}.run("resp_" + out.id)
}

// readResponses makes a chat of a request: instructions are its system message,
// the input a text or a list of messages.
func readResponses(raw []byte) (*ask, *apiError) {
	var body struct {
		ask
		Input        json.RawMessage `json:"input"`
		Instructions string          `json:"instructions"`
		Limit        *int            `json:"max_output_tokens"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, invalid(raw, err)
	}
	a := &body.ask
	a.Messages, a.MaxTokens, a.MaxCompletionTokens, a.StreamOptions, a.N, a.Tools = nil, body.Limit, nil, nil, nil, nil
	a.MinTokens = 0                // vLLM has no such field here, and passes over it
	a.IncludeReasoning = new(bool) // none: its events would be others
	if body.Instructions != "" {
		a.Messages = append(a.Messages, tokenizer.Message{Role: "system", Content: body.Instructions})
	}
	var text string
	var messages []tokenizer.Message
	switch {
	case json.Unmarshal(body.Input, &text) == nil && text != "":
		a.Messages = append(a.Messages, tokenizer.Message{Role: "user", Content: text})
	case json.Unmarshal(body.Input, &messages) == nil && len(messages) > 0:
		a.Messages = append(a.Messages, messages...)
	case body.Input == nil:
		return nil, flawed(missing(raw, "input"))
	default:
		return nil, bad("input", "input must be a text or a list of messages.")
	}
	return a, nil
}

// A responseStream writes one answer of /v1/responses.
type responseStream struct {
	*wire
	server  *Handler
	q       *request
	seq     *engine.Sequence
	id      string
	created int64
	number  int // of the next event
}

func (s *responseStream) open() {
	if !s.stream {
		return
	}
	s.wire.open()
	s.event("response.created", map[string]any{"response": s.response("in_progress")})
	s.event("response.in_progress", map[string]any{"response": s.response("in_progress")})
}

func (s *responseStream) tokens(_, from, to int) {
	if from == 0 {
		s.event("response.output_item.added", map[string]any{"output_index": 0, "item": s.item("in_progress", []any{})})
		s.event("response.content_part.added", s.place(map[string]any{"part": s.opened()}))
	}
	for from < to {
		n := min(s.q.span(s.server.engine, s.seq, from), to-from)
		s.event("response.output_text.delta", s.place(map[string]any{"delta": s.seq.Answer.Text(from, from+n), "logprobs": []any{}}))
		from += n
	}
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
	text := s.text()
	s.event("response.output_text.done", s.place(map[string]any{"text": text, "logprobs": []any{}}))
	s.event("response.content_part.done", s.place(map[string]any{"part": s.part(text)}))
	s.event("response.output_item.done", map[string]any{"output_index": 0, "item": s.item("completed", []any{s.part(text)})})
	s.event("response.completed", map[string]any{"response": s.response("completed")}) // so it is called even where the answer is incomplete
}

func (s *responseStream) event(kind string, fields map[string]any) {
	fields["type"], fields["sequence_number"] = kind, s.number
	s.number++
	s.named(kind, fields)
}

// place says which part of the answer an event is about.
func (s *responseStream) place(fields map[string]any) map[string]any {
	fields["item_id"], fields["output_index"], fields["content_index"] = "msg_"+s.id, 0, 0
	return fields
}

func (s *responseStream) text() string {
	return s.seq.Answer.Text(0, s.q.sent[0])
}

// opened is a part that nothing has been said of yet.
func (s *responseStream) opened() map[string]any {
	part := s.part("")
	part["logprobs"] = []any{}
	return part
}

func (s *responseStream) part(text string) map[string]any {
	return map[string]any{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": nil}
}

func (s *responseStream) item(status string, content []any) map[string]any {
	return map[string]any{"id": "msg_" + s.id, "type": "message", "role": "assistant", "status": status, "content": content, "phase": nil}
}

func (s *responseStream) response(status string) map[string]any {
	out := map[string]any{"id": "resp_" + s.id, "object": "response", "created_at": s.created, "model": s.q.model, "status": status, "output": []any{},
		"incomplete_details": nil, "instructions": nil, "metadata": nil, "parallel_tool_calls": true, "tool_choice": "none", "tools": []any{},
		"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "usage": nil, "background": false, "service_tier": "auto", "truncation": "disabled",
		"max_output_tokens": s.seq.MaxTokens, "max_tool_calls": nil, "previous_response_id": nil, "prompt": nil, "reasoning": nil, "text": nil, "top_logprobs": nil, "user": nil,
		"kv_transfer_params": nil, "ec_transfer_params": nil, "input_messages": nil, "output_messages": nil}
	if status == "completed" {
		n := s.q.sent[0]
		out["output"] = []any{s.item(status, []any{s.part(s.text())})}
		out["usage"] = map[string]any{"input_tokens": len(s.seq.Prompt), "input_tokens_details": map[string]any{"cached_tokens": s.seq.CachedTokens(), "cache_write_tokens": 0, "input_tokens_per_turn": []any{}, "cached_tokens_per_turn": []any{}},
			"output_tokens": n, "output_tokens_details": map[string]any{"reasoning_tokens": 0, "tool_output_tokens": 0, "output_tokens_per_turn": []any{}, "tool_output_tokens_per_turn": []any{}}, "total_tokens": len(s.seq.Prompt) + n}
		if s.seq.Finished() == "length" {
			out["status"], out["incomplete_details"] = "incomplete", map[string]string{"reason": "max_output_tokens"}
		}
	}
	return out
}
