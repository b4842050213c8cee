package api

import (
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/events"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// A messageStream writes one answer of /v1/messages.
type messageStream struct {
	*wire.Wire
	server *Handler
	q      *request
	seq    *engine.Sequence
	id     string
	typed  events.Message
}

func (s *messageStream) event(kind string, fields map[string]any) {
	fields["type"] = kind
	s.Named(kind, fields)
}

func (s *messageStream) tokens(_, from, to int) {
	if from == 0 {
		s.event("message_start", map[string]any{"message": s.message(0, nil)})
	}
	s.q.pieces(s.server.engine, s.seq, from, to, func(from, to int) {
		text := s.seq.Answer.Text(from, to)
		switch call := called(s.seq, s.id, from, to); {
		case call != nil:
			s.typed.Call(call.ID, call.Name, call.Arguments)
		case text == "": // a parser kept it to itself
		case from < s.seq.Answer.Reasoning:
			s.typed.Thinking(text)
		default:
			s.typed.Text(text)
		}
	})
}

func (s *messageStream) broken(apiErr *apiError) {
	if !s.Streams {
		s.server.failMessages(s.W, apiErr)
		return
	}
	s.Named("error", messageError(apiErr))
}

func (s *messageStream) close() {
	n := s.q.sent[0]
	if !s.Streams {
		s.Whole(s.message(n, s.reason()))
		return
	}
	s.typed.End()
	s.event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": s.reason(), "stop_sequence": s.stop()}, "usage": s.usage(n)})
	s.event("message_stop", map[string]any{})
}

// reason is why the answer ended, in Anthropic's words.
func (s *messageStream) reason() any {
	switch {
	case s.seq.Answer.Stop != "":
		return "stop_sequence"
	case s.seq.Finished() == "length":
		return "max_tokens"
	case s.seq.Finished() == "tool_calls":
		return "tool_use"
	}
	return "end_turn"
}

func (s *messageStream) stop() any {
	if s.seq.Answer.Stop == "" {
		return nil
	}
	return s.seq.Answer.Stop
}

// usage counts as Anthropic does: what was found in the cache and what was put there is no part of input_tokens.
// Where vLLM does not say how much that was, it is.
func (s *messageStream) usage(tokens int) map[string]any {
	prompt := len(s.seq.Prompt)
	if !s.server.config.PromptDetails {
		return map[string]any{"input_tokens": prompt, "output_tokens": tokens}
	}
	cached := s.seq.CachedTokens()
	created := max(0, prompt-prompt%s.server.config.BlockSize-cached)
	return map[string]any{"input_tokens": prompt - cached - created, "output_tokens": tokens, "cache_read_input_tokens": cached, "cache_creation_input_tokens": created}
}

func (s *messageStream) message(tokens int, reason any) map[string]any {
	m := map[string]any{"id": s.id, "type": "message", "role": "assistant", "model": s.q.model, "content": []any{},
		"stop_reason": reason, "usage": s.usage(tokens)}
	switch {
	case reason == nil: // not known yet
		m["stop_sequence"], m["usage"] = nil, map[string]any{"input_tokens": len(s.seq.Prompt), "output_tokens": 0}
	case s.stop() != nil:
		m["stop_sequence"] = s.stop()
	}
	if tokens > 0 {
		thought, text := s.seq.Answer.Parts(tokens)
		m["content"] = events.Blocks(s.id, thought, text, called(s.seq, s.id, 0, tokens))
	}
	return m
}
