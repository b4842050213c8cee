package api

import (
	"net/http"
	"sync"
)

// An admissionQueue bounds what waits: it counts requests that were admitted and have not
// reached the engine yet.
type admissionQueue struct {
	sync.Mutex
	requests, tokens int
}

// admit refuses a request that the queue has no room for.
func (a *admissionQueue) admit(s *Handler, q *request) *apiError {
	a.Lock()
	defer a.Unlock()
	requests, tokens := s.engine.Queued()
	requests, tokens = requests+a.requests, tokens+a.tokens
	if most := s.config.MaxQueuedRequests; most > 0 && requests+len(q.sequences) > most || s.config.MaxQueuedTokens > 0 && tokens >= s.config.MaxQueuedTokens {
		s.metrics.Rejected(most > 0 && requests+len(q.sequences) > most)
		return &apiError{status: http.StatusServiceUnavailable, kind: "ServiceUnavailableError", text: "The queue is full; try again later."}
	}
	for _, seq := range q.sequences {
		a.requests++
		a.tokens += len(seq.Prompt)
	}
	return nil
}

// left takes a request out: it is in the engine, or gone.
func (a *admissionQueue) left(q *request) {
	a.Lock()
	defer a.Unlock()
	for _, seq := range q.sequences {
		a.requests--
		a.tokens -= len(seq.Prompt)
	}
}
