package api

import (
	"encoding/json"
	"net/http"

	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// messages answers /v1/messages: the same engine, in the events of
// Anthropic's Messages interface, which has no [DONE].
func (s *Handler) messages(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, apiErr := readMessages(in.body)
	if apiErr == nil && a.MaxTokens == nil {
		apiErr = flawed(missing(in.body, "max_tokens"))
	}
	if apiErr != nil { // a body that cannot be read is refused as everywhere
		s.fail(w, apiErr)
		return
	}
	q, apiErr := s.admit(r, in, a, chat)
	if apiErr != nil {
		s.failMessages(w, apiErr)
		return
	}
	to := newWire(w, a.Stream, in.hit)
	out := &messageStream{wire: to, server: s, q: q, seq: q.sequences[0], id: "chatcmpl-" + q.id}
	exchange{s, r, q, to, out}.run(out.id)
}

func (s *Handler) countTokens(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, apiErr := readMessages(in.body)
	if apiErr == nil && len(a.Messages) == 0 {
		apiErr = bad("messages", "messages must not be empty.")
	}
	if apiErr != nil {
		s.failMessages(w, apiErr)
		return
	}
	tokens := len(tokenizer.EncodeChat(a.Messages))
	reply(w, map[string]any{"input_tokens": tokens, "context_management": map[string]int{"original_input_tokens": tokens}})
}

// readMessages makes a chat of a request: the system prompt is its first message.
func readMessages(raw []byte) (*ask, *apiError) {
	var body struct {
		ask
		System any             `json:"system"`
		Stops  json.RawMessage `json:"stop_sequences"`
		Tools  json.RawMessage `json:"tools"`       // of another shape than a chat's
		Choice json.RawMessage `json:"tool_choice"` // likewise
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, invalid(raw, err)
	}
	a := &body.ask
	a.Stop, a.StreamOptions, a.N, a.MaxCompletionTokens = body.Stops, nil, nil, nil
	a.MinTokens, a.IgnoreEOS, a.Priority = 0, false, 0 // vLLM has no such fields here, and passes over them
	a.IncludeReasoning = new(bool)                     // none: its events would be others
	if system := (tokenizer.Message{Content: body.System}).Text(); system != "" {
		a.Messages = append([]tokenizer.Message{{Role: "system", Content: system}}, a.Messages...)
	}
	return a, nil
}

// failMessages writes an error in Anthropic's envelope.
func (s *Handler) failMessages(w http.ResponseWriter, apiErr *apiError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(apiErr.status)
	w.Write(encoded(messageError(apiErr)))
}

func messageError(apiErr *apiError) any {
	return map[string]any{"type": "error", "error": map[string]string{"type": apiErr.kind, "message": apiErr.text}}
}

// A messageStream writes one answer of /v1/messages.
type messageStream struct {
	*wire
	server *Handler
	q      *request
	seq    *engine.Sequence
	id     string
}

func (s *messageStream) event(kind string, fields map[string]any) {
	fields["type"] = kind
	s.named(kind, fields)
}

func (s *messageStream) tokens(_, from, to int) {
	if from == 0 {
		s.event("message_start", map[string]any{"message": s.message("", 0, nil)})
		s.event("content_block_start", map[string]any{"index": 0, "content_block": map[string]any{"type": "text", "text": ""}})
	}
	for from < to {
		n := min(s.q.span(s.server.engine, s.seq, from), to-from)
		s.event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": "text_delta", "text": s.seq.Answer.Text(from, from+n)}})
		from += n
	}
}

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
		s.whole(s.message(s.seq.Answer.Text(0, n), n, s.reason()))
		return
	}
	s.event("content_block_stop", map[string]any{"index": 0})
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

func (s *messageStream) message(text string, tokens int, reason any) map[string]any {
	m := map[string]any{"id": s.id, "type": "message", "role": "assistant", "model": s.q.model, "content": []any{},
		"stop_reason": reason, "usage": s.usage(tokens)}
	switch {
	case reason == nil: // not known yet
		m["stop_sequence"], m["usage"] = nil, map[string]any{"input_tokens": len(s.seq.Prompt), "output_tokens": 0}
	case s.stop() != nil:
		m["stop_sequence"] = s.stop()
	}
	if text != "" {
		m["content"] = []any{map[string]any{"type": "text", "text": text}}
	}
	return m
}
