package api

import (
	"net/http"

	"github.com/vllmspec/vllmspec/mockvllm/internal/events"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
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
		apiErr = flawed(pydantic.Missing(in.body, "max_tokens"))
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
	to := wire.New(w, a.Stream, in.hit)
	out := &messageStream{Wire: to, server: s, q: q, seq: q.sequences[0], id: "chatcmpl-" + q.id}
	out.typed = events.Message{Emit: out.event, ID: out.id}
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

// failMessages writes an error in Anthropic's envelope.
func (s *Handler) failMessages(w http.ResponseWriter, apiErr *apiError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(apiErr.status)
	w.Write(wire.JSON(messageError(apiErr)))
}

func messageError(apiErr *apiError) any {
	return map[string]any{"type": "error", "error": map[string]string{"type": apiErr.kind, "message": apiErr.text}}
}
