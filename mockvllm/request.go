package mockvllm

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// maxBody bounds a request; it is far above the longest context there is.
const maxBody = 16 << 20

// An arrival is a request that got past the faults which keep it from being read.
type arrival struct {
	at       time.Time
	arrived  time.Time // at the system; zero where it does not tell
	body     []byte
	id       string // as the client named it, or drawn from what it asked
	identity uint64 // of the body and the request id: what is drawn for it depends on nothing else
	hit      Fault
}

// receive reads a request, and reports false when it is answered already.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (arrival, bool) {
	in := arrival{at: time.Now()}
	var err error
	if in.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		s.fail(w, &refusal{status: http.StatusRequestEntityTooLarge, kind: "Request Entity Too Large", text: "The request is too long, or was cut off."})
		return in, false
	}
	in.arrived = arrived(r)
	s.name(&in, r)
	if s.config.RequestIDHeader {
		w.Header().Set("X-Request-Id", in.id)
	}
	in.hit = s.faults.fate(in.at, r, gjson.GetBytes(in.body, "model").String(), in.identity)
	switch in.hit.Kind {
	case Refuse, Reset:
		hangUp(w, in.hit.Kind == Reset)
	case Hang:
		s.pause(r, forever)
	case Fail:
		s.fail(w, &refusal{status: in.hit.Status, kind: http.StatusText(in.hit.Status), text: "The mock was told to fail this request.", after: in.hit.After})
	default:
		ok := in.hit.Kind != SlowHeaders || s.pause(r, in.hit.Delay)
		return in, ok && !s.unready(w)
	}
	s.tell(&sequence{arrived: in.arrived, received: in.at}, nil, "", in.hit, false)
	return in, false
}

// name gives a request its identity, and the id under which it is answered. Of
// equal requests each is another one.
func (s *Server) name(in *arrival, r *http.Request) {
	in.id = r.Header.Get("X-Request-Id")
	in.identity = s.equals.next(fnv(fnv(offset, in.body), in.id))
	if in.id == "" {
		in.id = gjson.GetBytes(in.body, "request_id").String()
	}
	if in.id == "" {
		in.id = hex(in.identity)
	}
}

// equals counts equal requests.
type equals struct {
	sync.Mutex
	seen map[uint64]uint64
}

// mostSeen bounds the memory for requests that were seen; after so many different
// ones they are forgotten.
const mostSeen = 1 << 20

// next is the identity of one more request whose content has this hash. The first
// one's is the hash itself, and none depends on what other requests there were.
func (e *equals) next(hash uint64) uint64 {
	e.Lock()
	defer e.Unlock()
	if e.seen == nil || len(e.seen) >= mostSeen {
		e.seen = map[uint64]uint64{}
	}
	n := e.seen[hash]
	e.seen[hash]++
	return hash + n*0x9e3779b97f4a7c15
}

// unready answers in place of an engine that is dead.
func (s *Server) unready(w http.ResponseWriter) bool {
	_, _, dead := s.faults.of(Dead, time.Now())
	if dead {
		s.fail(w, &refusal{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The engine is dead."})
	}
	return dead
}

// forever is longer than any test or load.
const forever = 10 * 365 * 24 * time.Hour

// pause waits, on the server's clock, and reports false when the client went
// away or the server was closed.
func (s *Server) pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(scaled(d, s.config.Scale))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
	case <-s.engine.stop:
	}
	return false
}

// A request is what a client asked for: one answer, or several.
type request struct {
	arrival
	ask       *ask
	model     string // as it is named in the answer
	prompts   int
	sequences []*sequence // the answers to the first prompt, then those to the second …
	sent      []int       // tokens of each that were written
	interval  int         // tokens in one event; 0: those of one step
	breaks    int         // tokens of the first after which the fault strikes; 0: never
	notify    chan struct{}
	written   [][]time.Time // of each, when each token was written, where that is told
}

// span is how many tokens stand in the event that begins with one.
func (q *request) span(s *Server, seq *sequence, at int) int {
	n := s.config.Draft.burst(seq, at)
	if q.interval > 0 && (at > 0 || q.hit.Kind == Bundle) { // vLLM never delays the first
		n = q.interval
	}
	return min(n, len(seq.answer.ids)-at)
}

// batch is how many tokens of an answer are written at once at most. It bounds
// the memory of a stream whose client is slower than the engine.
const batch = 16

// due is how far to write of a sequence now: whole events, unless it ended. rest
// tells that there may be more at once, ended that there will be none.
func (q *request) due(s *Server, seq *sequence, from int) (to int, rest, ended bool) {
	ready, over := seq.progress()
	if !q.ask.Stream {
		return ready, false, over
	}
	for to = from; to < ready && to-from < batch; {
		n := q.span(s, seq, to)
		if to+n > ready && !over {
			break
		}
		to = min(to+n, ready)
	}
	return to, to-from >= batch, over && to == ready
}

// An output writes answers in the shapes of its interface.
type output interface {
	open()                       // before the request is queued
	tokens(answer, from, to int) // what came since the last call
	broken(*refusal)             // no more will come, although the answer is not whole
	close()                      // the answer is whole
}

// follow takes a request through the engine and writes what comes of it. It
// reports whether the answer was written to its end.
func (s *Server) follow(r *http.Request, q *request, to *wire, out output) (whole bool) {
	out.open()
	front := s.config.Profile.Frontend
	if q.hit.Kind == FrontEnd {
		front += q.hit.Delay
	}
	here := to.flush() == nil && s.pause(r, front)
	if here {
		s.engine.submit(time.Now(), q.sequences...)
	}
	if s.arrived(q); !here {
		return false
	}
	defer func() {
		if !whole {
			s.engine.abort(q.sequences...)
		}
	}()
	if q.hit.Kind == Delay && !s.pause(r, q.hit.Delay) {
		return false
	}
	for {
		ended, rest, strike := s.advance(q, to, out)
		if to.flush() != nil {
			return false
		}
		switch {
		case strike:
			q.breaks = 0
			if !s.strike(r, q, to, out) {
				return false
			}
			continue
		case ended:
			return s.finish(q, to, out)
		case rest:
			continue
		}
		select {
		case <-q.notify:
		case <-r.Context().Done():
			return false
		case <-s.engine.stop:
			hangUp(to.w, false)
			return false
		}
	}
}

// advance writes what is due of every answer.
func (s *Server) advance(q *request, to *wire, out output) (ended, rest, strike bool) {
	ended = true
	for i, seq := range q.sequences {
		end, more, over := q.due(s, seq, q.sent[i])
		ended, rest = ended && over, rest || more
		if i == 0 && q.breaks > 0 && end >= q.breaks {
			end, strike = q.breaks, true
		}
		if end > q.sent[i] {
			if to.stream {
				out.tokens(i, q.sent[i], end)
			}
			if to.stream && q.written != nil {
				q.written[i] = append(q.written[i], slices.Repeat([]time.Time{time.Now()}, end-q.sent[i])...)
			}
			q.sent[i] = end
		}
	}
	return ended, rest, strike
}

// strike lets happen what goes wrong in mid-answer; false: that was all.
func (s *Server) strike(r *http.Request, q *request, to *wire, out output) bool {
	switch {
	case q.hit.Kind == Stall && q.hit.Delay == 0:
		return s.pause(r, forever)
	case q.hit.Kind == Stall:
		return s.pause(r, q.hit.Delay)
	case q.hit.Kind == ErrorEvent:
		out.broken(&refusal{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The mock was told to break off this answer."})
		_ = to.flush() // the client may be gone: it is the end anyway
		return false
	case !to.stream: // the others show in the whole answer
		return true
	case q.hit.Kind == Garble:
		to.out = append(to.out, "data: {\"id\":\"cmpl-\xff,\"choices\":[{\"text\"\n\n"...)
		return to.flush() == nil
	case q.hit.Kind == Tear:
		hangUp(to.w, true)
	}
	return false // Cut: returning ends the body cleanly
}

// finish writes the end of answers that have all ended.
func (s *Server) finish(q *request, to *wire, out output) bool {
	for _, seq := range q.sequences {
		if seq.finished() == "error" {
			out.broken(&refusal{status: http.StatusInternalServerError, kind: "InternalServerError", text: "The engine died."})
			_ = to.flush()
			return false
		}
	}
	out.close()
	return to.flush() == nil
}
