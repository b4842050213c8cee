package api

import (
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/events"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// A responseStream writes one answer of /v1/responses.
type responseStream struct {
	*wire.Wire
	server  *Handler
	q       *request
	seq     *engine.Sequence
	id      string
	created int64
	typed   events.Response
}

func (s *responseStream) Open() {
	if !s.Streams {
		return
	}
	s.Wire.Open()
	s.typed.Event("response.created", map[string]any{"response": s.response("in_progress")})
	s.typed.Event("response.in_progress", map[string]any{"response": s.response("in_progress")})
}

func (s *responseStream) event(kind string, fields map[string]any) {
	fields["type"] = kind
	s.Named(kind, fields)
}

func (s *responseStream) tokens(_, from, to int) {
	s.q.pieces(s.server.engine, s.seq, from, to, func(from, to int) {
		text := s.seq.Answer.Text(from, to)
		switch call := called(s.seq, s.id, from, to); {
		case call != nil:
			s.typed.Call(call.Name, call.Arguments)
		case from >= s.seq.Answer.Reasoning:
			s.typed.Text(text)
		case text != "": // else a parser kept it to itself
			s.typed.Reasoning(text)
		}
	})
}

func (s *responseStream) broken(apiErr *apiError) {
	if !s.Streams {
		s.server.fail(s.W, apiErr)
		return
	}
	s.typed.Event("error", map[string]any{"code": apiErr.kind, "message": apiErr.text, "param": nil})
}

func (s *responseStream) close() {
	if !s.Streams {
		s.Whole(s.response("completed"))
		return
	}
	s.typed.End()
	s.typed.Event("response.completed", map[string]any{"response": s.response("completed")}) // so it is called even where the answer is incomplete
}

func (s *responseStream) response(status string) map[string]any {
	out := map[string]any{"id": "resp_" + s.id, "object": "response", "created_at": s.created, "model": s.q.model, "status": status, "output": []any{},
		"incomplete_details": nil, "instructions": nil, "metadata": nil, "parallel_tool_calls": true, "tool_choice": "none", "tools": []any{},
		"temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "usage": nil, "background": false, "service_tier": "auto", "truncation": "disabled",
		"max_output_tokens": s.seq.MaxTokens, "max_tool_calls": nil, "previous_response_id": nil, "prompt": nil, "reasoning": nil, "text": nil, "top_logprobs": nil, "user": nil,
		"kv_transfer_params": nil, "ec_transfer_params": nil, "input_messages": nil, "output_messages": nil}
	if status == "completed" {
		n := s.q.sent[0]
		thought, text := s.seq.Answer.Parts(n)
		out["output"] = events.Items(s.id, thought, text, called(s.seq, s.id, 0, n))
		out["usage"] = map[string]any{"input_tokens": len(s.seq.Prompt), "input_tokens_details": map[string]any{"cached_tokens": s.seq.CachedTokens(), "cache_write_tokens": 0, "input_tokens_per_turn": []any{}, "cached_tokens_per_turn": []any{}},
			"output_tokens": n, "output_tokens_details": map[string]any{"reasoning_tokens": min(n, s.seq.Answer.Reasoning), "tool_output_tokens": 0, "output_tokens_per_turn": []any{}, "tool_output_tokens_per_turn": []any{}}, "total_tokens": len(s.seq.Prompt) + n}
		if s.seq.Finished() == "length" {
			out["status"], out["incomplete_details"] = "incomplete", map[string]string{"reason": "max_output_tokens"}
		}
	}
	return out
}
