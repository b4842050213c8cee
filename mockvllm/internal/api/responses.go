package api

import (
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/events"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
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
	to := wire.New(w, a.Stream, in.hit)
	out := &responseStream{Wire: to, server: s, q: q, seq: q.sequences[0], id: q.id, created: time.Now().Unix()}
	out.typed = events.Response{Emit: out.event, ID: out.id}
	exchange{s, r, q, to, out}.run("resp_" + out.id)
}
