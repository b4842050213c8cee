package api

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
)

// A messageStream writes one answer of /v1/messages.
type messageStream struct {
	*wire
	server *Handler
	q      *request
	seq    *engine.Sequence
	id     string
	block  string // the type of the block that is being written; "": none is
	index  int    // of that block, or of the next
}

func (s *messageStream) event(kind string, fields map[string]any) {
	fields["type"] = kind
	s.named(kind, fields)
}

func (s *messageStream) tokens(_, from, to int) {
	if from == 0 {
		s.event("message_start", map[string]any{"message": s.message(0, nil)})
	}
	for from < to {
		n := min(s.q.span(s.server.engine, s.seq, from), to-from)
		if thinking := s.seq.Answer.Reasoning - from; thinking > 0 {
			n = min(n, thinking)
		}
		s.delta(from, from+n)
		from += n
	}
}

// delta writes what tokens [from, to) say, which are all of one block.
func (s *messageStream) delta(from, to int) {
	text := s.seq.Answer.Text(from, to)
	switch c := s.seq.Answer.Call; {
	case c != nil:
		s.begin(map[string]any{"type": "tool_use", "id": callID(s.id), "name": c.Name, "input": map[string]any{}})
		if piece := toolCallDeltas(c, s.id, from, to)[0].Function.Arguments; piece != "" {
			s.of(map[string]any{"type": "input_json_delta", "partial_json": piece})
		}
	case text == "": // a parser kept it to itself
	case from < s.seq.Answer.Reasoning:
		s.begin(map[string]any{"type": "thinking", "thinking": ""})
		s.of(map[string]any{"type": "thinking_delta", "thinking": text})
	default:
		s.begin(map[string]any{"type": "text", "text": ""})
		s.of(map[string]any{"type": "text_delta", "text": text})
	}
}

// begin begins a block, unless one of its type is being written.
func (s *messageStream) begin(block map[string]any) {
	if kind := block["type"].(string); s.block != kind {
		s.end()
		s.block = kind
		s.event("content_block_start", map[string]any{"index": s.index, "content_block": block})
	}
}

// end ends the block that is being written.
func (s *messageStream) end() {
	switch s.block {
	case "":
		return
	case "thinking":
		s.of(map[string]any{"type": "signature_delta", "signature": signature(s.id)})
	}
	s.event("content_block_stop", map[string]any{"index": s.index})
	s.block = ""
	s.index++
}

func (s *messageStream) of(delta map[string]any) {
	s.event("content_block_delta", map[string]any{"index": s.index, "delta": delta})
}

// signature is what vLLM signs a thinking block with: an id of its own.
func signature(id string) string { return id[len(id)-16:] + id[len(id)-16:] }

func (s *messageStream) broken(apiErr *apiError) {
	if !s.stream {
		s.server.failMessages(s.w, apiErr)
		return
	}
	s.named("error", messageError(apiErr))
}

func (s *messageStream) close() {
	n := s.q.sent[0]
	if !s.stream {
		s.whole(s.message(n, s.reason()))
		return
	}
	s.end()
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
		m["content"] = s.content(tokens)
	}
	return m
}

// content is an answer in blocks.
func (s *messageStream) content(tokens int) []any {
	blocks := []any{}
	thought, text := s.seq.Answer.Parts(tokens)
	if thought != "" {
		blocks = append(blocks, map[string]any{"type": "thinking", "thinking": thought, "signature": signature(s.id)})
	}
	if text != "" {
		blocks = append(blocks, map[string]any{"type": "text", "text": text})
	}
	if c := s.seq.Answer.Call; c != nil {
		input := map[string]any{}
		_ = json.Unmarshal([]byte(toolCallDeltas(c, s.id, 0, tokens)[0].Function.Arguments), &input) // one that was cut short is empty
		blocks = append(blocks, map[string]any{"type": "tool_use", "id": callID(s.id), "name": c.Name, "input": input})
	}
	return blocks
}
