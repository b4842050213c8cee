package api

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/internal/stamp"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
)

// Answered is what happened to one answer, by the engine's account and the handler's.
type Answered struct {
	engine.Truth
	ID      string      // as the answer carries it; "" where there was none
	Written []time.Time // when each token was handed to the connection; of streams only
	Ended   time.Time   // the handler was done with it
	Whole   bool        // the answer was written to its end
	Fault   faults.Kind // that hit it
}

// ConnContext is for an http.Server whose listener stamps (see package stamp):
// then a truth has when its request reached the system. On a busy machine that is
// long before its handler begins, and the difference is no fault of a client's.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if stamps := stamp.Of(conn); stamps != nil && stamps.ByKernel() {
		return context.WithValue(ctx, stampsKey{}, stamps)
	}
	return ctx
}

type stampsKey struct{}

// arrived is when the last of a request reached the system that was just read;
// zero where unknown.
func arrived(r *http.Request) (at time.Time) {
	if stamps, ok := r.Context().Value(stampsKey{}).(*stamp.Conn); ok {
		at, _ = stamps.Last()
	}
	return at
}

// tell hands on what happened to an answer.
func (s *Handler) tell(known engine.Truth, written []time.Time, id string, hit faults.Fault, whole bool) {
	if s.config.Truth != nil {
		s.config.Truth(Answered{Truth: known, ID: id, Written: written, Ended: time.Now(), Whole: whole, Fault: hit.Kind})
	}
}
