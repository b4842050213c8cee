package mockvllm

import (
	"encoding/json"
	"net/http"
)

// messages answers /v1/messages: the same engine, told in the events of
// Anthropic's Messages interface, which has no [DONE].
func (s *Server) messages(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, no := readMessages(in.body)
	if no == nil && a.MaxTokens == nil {
		no = flawed(missing(in.body, "max_tokens"))
	}
	if no != nil { // a body that cannot be read is refused as everywhere
		s.fail(w, no)
		return
	}
	q, no := s.admit(r, in, a, chat)
	if no != nil {
		s.failMessages(w, no)
		return
	}
	to := newWire(w, a.Stream, in.hit)
	out := &messageStream{wire: to, server: s, q: q, seq: q.sequences[0], id: "chatcmpl-" + q.id}
	whole := s.follow(r, q, to, out)
	s.tellAll(q, out.id, whole)
}

func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, no := readMessages(in.body)
	if no == nil && len(a.Messages) == 0 {
		no = bad("messages", "messages must not be empty.")
	}
	if no != nil {
		s.failMessages(w, no)
		return
	}
	tokens := len(tokenizeChat(a.Messages))
	reply(w, map[string]any{"input_tokens": tokens, "context_management": map[string]int{"original_input_tokens": tokens}})
}

// readMessages makes a chat of a request: the system prompt is its first message.
func readMessages(raw []byte) (*ask, *refusal) {
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
	a.IncludeReasoning = new(bool) // none: its events would be others
	if system := (message{Content: body.System}).text(); system != "" {
		a.Messages = append([]message{{Role: "system", Content: system}}, a.Messages...)
	}
	return a, nil
}

// failMessages writes an error in Anthropic's envelope.
func (s *Server) failMessages(w http.ResponseWriter, no *refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(no.status)
	w.Write(encoded(messageError(no)))
}

func messageError(no *refusal) any {
	return map[string]any{"type": "error", "error": map[string]string{"type": no.kind, "message": no.text}}
}

// A messageStream writes one answer of /v1/messages.
type messageStream struct {
	*wire
	server *Server
	q      *request
	seq    *sequence
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
		n := min(s.q.span(s.server, s.seq, from), to-from)
		s.event("content_block_delta", map[string]any{"index": 0, "delta": map[string]any{"type": "text_delta", "text": s.seq.answer.text(from, from+n)}})
		from += n
	}
}

func (s *messageStream) broken(no *refusal) {
	if !s.stream {
		s.server.failMessages(s.w, no)
		return
	}
	s.named("error", messageError(no))
}

func (s *messageStream) close() {
	n := s.q.sent[0]
	if !s.stream {
		s.whole(s.message(s.seq.answer.text(0, n), n, s.reason()))
		return
	}
	s.event("content_block_stop", map[string]any{"index": 0})
	s.event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": s.reason(), "stop_sequence": s.stop()}, "usage": s.usage(n)})
	s.event("message_stop", map[string]any{})
}

// reason is why the answer ended, in Anthropic's words.
func (s *messageStream) reason() any {
	switch {
	case s.seq.answer.stop != "":
		return "stop_sequence"
	case s.seq.finished() == "length":
		return "max_tokens"
	}
	return "end_turn"
}

func (s *messageStream) stop() any {
	if s.seq.answer.stop == "" {
		return nil
	}
	return s.seq.answer.stop
}

func (s *messageStream) usage(tokens int) map[string]any {
	created := max(0, s.seq.prompt-s.seq.prompt%s.server.config.Profile.BlockSize-s.seq.cached)
	return map[string]any{"input_tokens": s.seq.prompt, "output_tokens": tokens, "cache_read_input_tokens": s.seq.cached, "cache_creation_input_tokens": created}
}

func (s *messageStream) message(text string, tokens int, reason any) map[string]any {
	m := map[string]any{"id": s.id, "type": "message", "role": "assistant", "model": s.q.model, "content": []any{},
		"stop_reason": reason, "usage": s.usage(tokens)}
	switch {
	case reason == nil: // nobody knows yet
		m["stop_sequence"], m["usage"] = nil, map[string]any{"input_tokens": s.seq.prompt, "output_tokens": 0}
	case s.stop() != nil:
		m["stop_sequence"] = s.stop()
	}
	if text != "" {
		m["content"] = []any{map[string]any{"type": "text", "text": text}}
	}
	return m
}
