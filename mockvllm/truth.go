package mockvllm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/api"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
)

// A Truth is what really happened to one answer inside the server, so that a
// client's measurement can be graded against it. An instant that did not come
// is zero.
type Truth struct {
	ID           string      // as the answer carries it; "" where there was none; several answers share it
	Index        int         // of the answer among those of its request; in a replay, of the request in its trace
	Arrived      time.Time   // it reached the system, where that tells (see ConnContext)
	Received     time.Time   // its handler began
	Queued       time.Time   // it reached the engine
	Admitted     time.Time   // the step that first computed it began
	Tokens       []time.Time // the step that produced each ended
	Written      []time.Time // each was handed to the connection; of streams only
	Ended        time.Time   // the handler was done with it
	PromptTokens int
	CachedTokens int
	Preemptions  int
	Whole        bool   // the answer was written to its end
	Finish       string // why it ended; "" where it was given up
	Fault        string // that hit it
}

// MarshalJSON writes instants in nanoseconds since 1970, null where there is none.
func (t Truth) MarshalJSON() ([]byte, error) {
	ns := func(at time.Time) *int64 {
		if at.IsZero() {
			return nil
		}
		v := at.UnixNano()
		return &v
	}
	all := func(instants []time.Time) []int64 {
		out := make([]int64, len(instants))
		for i, at := range instants {
			out[i] = at.UnixNano()
		}
		return out
	}
	return json.Marshal(struct {
		ID           string  `json:"id"`
		Index        int     `json:"index"`
		Arrived      *int64  `json:"arrived_ns"`
		Received     *int64  `json:"received_ns"`
		Queued       *int64  `json:"queued_ns"`
		Admitted     *int64  `json:"admitted_ns"`
		Tokens       []int64 `json:"token_ns"`
		Written      []int64 `json:"written_ns"`
		Ended        *int64  `json:"ended_ns"`
		PromptTokens int     `json:"prompt_tokens"`
		CachedTokens int     `json:"cached_tokens"`
		Preemptions  int     `json:"preemptions"`
		Whole        bool    `json:"whole"`
		Finish       string  `json:"finish"`
		Fault        string  `json:"fault,omitempty"`
	}{t.ID, t.Index, ns(t.Arrived), ns(t.Received), ns(t.Queued), ns(t.Admitted), all(t.Tokens), all(t.Written), ns(t.Ended),
		t.PromptTokens, t.CachedTokens, t.Preemptions, t.Whole, t.Finish, t.Fault})
}

// ConnContext is for an http.Server whose listener stamps (see package stamp):
// then a truth has when its request reached the system. On a busy machine that is
// long before its handler begins, and the difference is no fault of a client's.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	return api.ConnContext(ctx, conn)
}

// A TruthLog writes one JSON object per line.
type TruthLog struct {
	mu      sync.Mutex
	buffer  *bufio.Writer
	flushed time.Time
	wrong   error
}

// NewTruthLog is a log whose Write is a function for [Config.Truth].
func NewTruthLog(w io.Writer) *TruthLog { return &TruthLog{buffer: bufio.NewWriterSize(w, 1<<20)} }

// Write adds a line. Those that are older than a second are in the file then.
func (l *TruthLog) Write(t Truth) {
	raw, err := json.Marshal(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.buffer.Write(append(raw, '\n'))
	}
	if now := time.Now(); err == nil && now.Sub(l.flushed) > time.Second {
		l.flushed, err = now, l.buffer.Flush()
	}
	if l.wrong == nil {
		l.wrong = err
	}
}

// Close writes what is left, and says whether everything was written.
func (l *TruthLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.wrong, l.buffer.Flush())
}

// truthOf is what the engine knows of a sequence.
func truthOf(s engine.Truth) Truth {
	return Truth{Arrived: s.Arrived, Received: s.Received, Queued: s.Queued, Admitted: s.Admitted, Tokens: s.Tokens,
		Index: s.Index, PromptTokens: s.PromptTokens, CachedTokens: s.CachedTokens, Preemptions: s.Preemptions, Finish: s.Finish}
}

// truthOfAnswer joins what the engine knows of an answer with what the handler does.
func truthOfAnswer(a api.Answered) Truth {
	t := truthOf(a.Truth)
	t.ID, t.Written, t.Ended, t.Whole, t.Fault = a.ID, a.Written, a.Ended, a.Whole, string(a.Fault)
	return t
}
