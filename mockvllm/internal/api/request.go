package api

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/mockvllm/internal/clock"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// maxBody bounds a request; it is far above the longest context there is, and some images.
const maxBody = 64 << 20

// An arrival is a request that got past the faults which keep it from being read.
type arrival struct {
	at       time.Time
	arrived  time.Time // at the system; zero where it does not tell
	body     []byte
	id       string // as the client named it, or drawn from what it asked
	identity uint64 // of the body, its salt left out, and the request id: what is drawn for it depends on nothing else
	hit      faults.Fault
}

// receive reads a request, and reports false when it is answered already.
func (s *Handler) receive(w http.ResponseWriter, r *http.Request) (arrival, bool) {
	in := arrival{at: time.Now()}
	var err error
	if in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		s.fail(w, &apiError{status: http.StatusRequestEntityTooLarge, kind: "Request Entity Too Large", text: "The request is too long, or was cut off."})
		return in, false
	}
	in.arrived = arrived(r)
	s.name(&in, r)
	if s.config.RequestIDHeader {
		w.Header().Set("X-Request-Id", in.id)
	}
	in.hit = s.faults.Pick(in.at, r, gjson.GetBytes(in.body, "model").String(), in.identity)
	switch in.hit.Kind {
	case faults.Refuse, faults.Reset:
		wire.HangUp(w, in.hit.Kind == faults.Reset)
	case faults.Hang:
		s.pause(r, forever)
	case faults.Fail:
		s.fail(w, &apiError{status: in.hit.Status, kind: http.StatusText(in.hit.Status), text: "The mock was set to fail this request.", after: in.hit.After})
	default:
		ok := in.hit.Kind != faults.SlowHeaders || s.pause(r, in.hit.Delay)
		return in, ok && !s.unready(w)
	}
	s.tell(engine.Truth{Arrived: in.arrived, Received: in.at, Tokens: []time.Time{}}, nil, "", in.hit, false)
	return in, false
}

// name gives a request its identity, and the id under which it is answered. Of
// equal requests each is another one.
func (s *Handler) name(in *arrival, r *http.Request) {
	in.id = r.Header.Get("X-Request-Id")
	in.identity = s.equals.Next(hash.FNV(asked(in.body), in.id))
	if in.id == "" {
		in.id = gjson.GetBytes(in.body, "request_id").String()
	}
	if in.id == "" {
		in.id = hex(in.identity)
	}
}

// asked is the hash of a body without its cache_salt: that keeps caches apart, and is no
// part of what is asked, so that nothing which is drawn depends on it.
func asked(body []byte) uint64 {
	const key = `"cache_salt":`
	salt := gjson.GetBytes(body, "cache_salt")
	if salt.Index < len(key) {
		return hash.FNV(hash.Offset, body)
	}
	before, after := body[:salt.Index-len(key)], body[salt.Index+len(salt.Raw):]
	if len(after) > 0 && after[0] == ',' {
		after = after[1:]
	} else {
		before = bytes.TrimSuffix(before, []byte(","))
	}
	return hash.FNV(hash.FNV(hash.Offset, before), after)
}

// unready answers in place of an engine that is dead.
func (s *Handler) unready(w http.ResponseWriter) bool {
	_, _, dead := s.faults.On(faults.Dead, time.Now())
	if dead {
		s.fail(w, &apiError{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The engine is dead."})
	}
	return dead
}

// forever is longer than any test or load.
const forever = 10 * 365 * 24 * time.Hour

// pause waits, on the server's clock, and reports false when the client went
// away or the server was closed.
func (s *Handler) pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(clock.Scaled(d, s.config.Scale))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.engine.Stopped():
	}
	return false
}

// A request is what a client asked for: one answer, or several.
type request struct {
	arrival
	ask       *ask
	model     string // as it is named in the answer
	prompts   int
	sequences []*engine.Sequence // the answers to the first prompt, then those to the second …
	sent      []int              // tokens of each that were written
	interval  int                // tokens in one event; 0: those of one step
	breaks    int                // tokens of the first after which the fault strikes; 0: never
	notify    chan struct{}
	written   [][]time.Time // of each, when each token was written, where that is reported
}

// span is how many tokens stand in the event that begins with one.
func (q *request) span(e *engine.Engine, seq *engine.Sequence, at int) int {
	n := e.Burst(seq, at)
	if q.interval > 0 && (at > 0 || q.hit.Kind == faults.Bundle) { // vLLM never delays the first
		n = q.interval
	}
	return min(n, len(seq.Answer.IDs)-at)
}

// pieces goes through tokens [from, to) of an answer event by event, none of which is partly reasoning.
func (q *request) pieces(e *engine.Engine, seq *engine.Sequence, from, to int, write func(from, to int)) {
	for from < to {
		n := min(q.span(e, seq, from), to-from)
		if thinking := seq.Answer.Reasoning - from; thinking > 0 {
			n = min(n, thinking)
		}
		write(from, from+n)
		from += n
	}
}

// batch is how many tokens of an answer are written at once at most. It bounds
// the memory of a stream whose client is slower than the engine.
const batch = 16

// due is how far to write of a sequence now: whole events, unless it ended. rest
// tells that there may be more at once, ended that there will be none.
func (q *request) due(e *engine.Engine, seq *engine.Sequence, from int) (to int, rest, ended bool) {
	ready, over := seq.Progress()
	if !q.ask.Stream {
		return ready, false, over
	}
	for to = from; to < ready && to-from < batch; {
		n := q.span(e, seq, to)
		if to+n > ready && !over {
			break
		}
		to = min(to+n, ready)
	}
	return to, to-from >= batch, over && to == ready
}

// An output writes answers in the shapes of its interface.
type output interface {
	Open()                       // before the request is queued
	tokens(answer, from, to int) // what came since the last call
	broken(*apiError)            // no more will come, although the answer is not whole
	close()                      // the answer is whole
}

// An exchange is a request that is being answered.
type exchange struct {
	server *Handler
	r      *http.Request
	q      *request
	to     *wire.Wire
	out    output
}

// run takes the request through the engine, writes what comes of it, and tells what happened
// to the answers with this id.
func (x exchange) run(id string) {
	whole := x.follow()
	if x.server.config.Truth == nil {
		return
	}
	for i, seq := range x.q.sequences {
		x.server.tell(x.server.engine.Truth(seq), x.q.written[i], id, x.q.hit, whole)
	}
}

// follow reports whether the answer was written to its end.
func (x exchange) follow() (whole bool) {
	r, q, to, out := x.r, x.q, x.to, x.out
	out.Open()
	front := x.server.config.Frontend
	if q.hit.Kind == faults.FrontEnd {
		front += q.hit.Delay
	}
	here := to.Flush() == nil && x.server.pause(r, front)
	if here {
		x.server.engine.Submit(time.Now(), q.sequences...)
	}
	if x.server.admission.left(q); !here {
		return false
	}
	defer func() {
		if !whole {
			x.server.engine.Abort(q.sequences...)
		}
	}()
	if q.hit.Kind == faults.Delay && !x.server.pause(r, q.hit.Delay) {
		return false
	}
	for {
		ended, rest, strike := x.advance()
		if to.Flush() != nil {
			return false
		}
		switch {
		case strike:
			q.breaks = 0
			if !x.strike() {
				return false
			}
			continue
		case ended:
			return x.finish()
		case rest:
			continue
		}
		select {
		case <-q.notify:
		case <-r.Context().Done():
			return false
		case <-x.server.engine.Stopped():
			wire.HangUp(to.W, false)
			return false
		}
	}
}

// advance writes what is due of every answer.
func (x exchange) advance() (ended, rest, strike bool) {
	q, to := x.q, x.to
	ended = true
	for i, seq := range q.sequences {
		end, more, over := q.due(x.server.engine, seq, q.sent[i])
		ended, rest = ended && over, rest || more
		if i == 0 && q.breaks > 0 && end >= q.breaks {
			end, strike = q.breaks, true
		}
		if end > q.sent[i] {
			if to.Streams {
				x.out.tokens(i, q.sent[i], end)
			}
			if to.Streams && q.written != nil {
				q.written[i] = append(q.written[i], slices.Repeat([]time.Time{time.Now()}, end-q.sent[i])...)
			}
			q.sent[i] = end
		}
	}
	return ended, rest, strike
}

// strike lets happen what goes wrong in mid-answer; false: that was all.
func (x exchange) strike() bool {
	q, to := x.q, x.to
	switch {
	case q.hit.Kind == faults.Stall && q.hit.Delay == 0:
		return x.server.pause(x.r, forever)
	case q.hit.Kind == faults.Stall:
		return x.server.pause(x.r, q.hit.Delay)
	case q.hit.Kind == faults.ErrorEvent:
		x.out.broken(&apiError{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The mock was set to break off this answer."})
		_ = to.Flush() // the client may be gone: it is the end anyway
		return false
	case !to.Streams: // the others show in the whole answer
		return true
	case q.hit.Kind == faults.Garble:
		to.Out = append(to.Out, "data: {\"id\":\"cmpl-\xff,\"choices\":[{\"text\"\n\n"...)
		return to.Flush() == nil
	case q.hit.Kind == faults.Tear:
		wire.HangUp(to.W, true)
	}
	return false // Cut: returning ends the body cleanly
}

// finish writes the end of answers that have all ended.
func (x exchange) finish() bool {
	for _, seq := range x.q.sequences {
		if seq.Finished() == "error" {
			x.out.broken(&apiError{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The engine died."})
			_ = x.to.Flush()
			return false
		}
	}
	x.out.close()
	return x.to.Flush() == nil
}
