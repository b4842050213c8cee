package mockvllm

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// A Truth is what really happened to one answer inside the server, so that a
// client's measurement can be graded against it. An instant that did not come
// is zero.
type Truth struct {
	ID           string      `json:"id"`       // as the answer carries it; "" where there was none; several answers share it
	Index        int         `json:"index"`    // of the answer among those of its request; in a replay, of the request in its trace
	Received     time.Time   `json:"received"` // its body was read
	Queued       time.Time   `json:"queued"`   // it reached the engine
	Admitted     time.Time   `json:"admitted"` // the step that first computed it began
	Tokens       []time.Time `json:"tokens"`   // the step that produced each ended
	Ended        time.Time   `json:"ended"`    // the handler was done with it
	PromptTokens int         `json:"prompt_tokens"`
	CachedTokens int         `json:"cached_tokens"`
	Preemptions  int         `json:"preemptions"`
	Whole        bool        `json:"whole"`           // the answer was written to its end
	Finish       string      `json:"finish"`          // why it ended; "" where it was given up
	Fault        string      `json:"fault,omitempty"` // that hit it
}

// LogTruth returns a function for [Config.Truth] that writes one JSON object per
// line. What cannot be written is lost.
func LogTruth(w io.Writer) func(Truth) {
	var mu sync.Mutex
	encoder := json.NewEncoder(w)
	return func(t Truth) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(t)
	}
}

// tellAll tells of every answer to a request.
func (s *Server) tellAll(q *request, id string, whole bool) {
	for _, seq := range q.sequences {
		s.tell(seq, id, q.hit, whole)
	}
}

// tell hands on what happened to a sequence. The engine may still be at work on
// one that was given up.
func (s *Server) tell(seq *sequence, id string, hit Fault, whole bool) {
	if s.config.Truth == nil {
		return
	}
	s.engine.mu.Lock()
	t := seq.truth()
	s.engine.mu.Unlock()
	t.ID, t.Ended, t.Whole, t.Fault = id, time.Now(), whole, string(hit.Kind)
	s.config.Truth(t)
}

// truth is what the engine knows of a sequence.
func (s *sequence) truth() Truth {
	return Truth{Received: s.received, Queued: s.queued, Admitted: s.scheduled, Tokens: append([]time.Time{}, s.times...),
		Index: s.index, PromptTokens: s.prompt, CachedTokens: s.cached, Preemptions: s.preemptions, Finish: s.finished()}
}
