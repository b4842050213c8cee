package mockvllm

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A Truth is what really happened to one request inside the server, so that a
// client's measurement can be graded against it. An instant that did not come
// is zero.
type Truth struct {
	ID           string      `json:"id"`       // as the answer carries it; "" where there was none
	Received     time.Time   `json:"received"` // its body was read
	Queued       time.Time   `json:"queued"`   // it reached the engine
	Admitted     time.Time   `json:"admitted"` // the step that first computed it began
	Tokens       []time.Time `json:"tokens"`   // the step that produced each ended
	Ended        time.Time   `json:"ended"`    // the handler was done with it
	PromptTokens int         `json:"prompt_tokens"`
	CachedTokens int         `json:"cached_tokens"`
	Preemptions  int         `json:"preemptions"`
	Whole        bool        `json:"whole"`           // the answer was written to its end
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

// tell hands on what happened to a request. The engine may still be at work on
// one that was given up.
func (s *Server) tell(seq *sequence, id string, hit Fault, whole bool) {
	if s.config.Truth == nil {
		return
	}
	s.engine.mu.Lock()
	t := Truth{ID: id, Received: seq.received, Queued: seq.queued, Admitted: seq.scheduled, Tokens: append([]time.Time{}, seq.times...),
		Ended: time.Now(), PromptTokens: seq.prompt, CachedTokens: seq.cached, Preemptions: seq.preemptions, Whole: whole, Fault: nameOf(hit)}
	s.engine.mu.Unlock()
	s.config.Truth(t)
}

// nameOf is a fault's type in small letters; "" for none.
func nameOf(f Fault) string {
	if f == nil {
		return ""
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", f), "mockvllm."))
}
