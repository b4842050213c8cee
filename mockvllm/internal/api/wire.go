package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
)

// A wire carries one answer to its client: as server-sent events, or in one
// piece. What goes wrong with how bytes travel goes wrong here.
type wire struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stream  bool
	hit     faults.Fault
	out     []byte // events to be written at once
}

func newWire(w http.ResponseWriter, stream bool, hit faults.Fault) *wire {
	return &wire{w: w, control: http.NewResponseController(w), stream: stream, hit: hit}
}

// open sends the headers of a stream: vLLM does so before the request is even
// queued, so that headers say nothing about the first token.
func (w *wire) open() {
	if !w.stream {
		return
	}
	w.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.w.WriteHeader(http.StatusOK)
	w.control.Flush()
}

// data adds an event; named adds one that says its type.
func (w *wire) data(v any) {
	w.out = fmt.Appendf(w.out, "data: %s\n\n", encoded(v))
}

func (w *wire) named(kind string, v any) {
	w.out = fmt.Appendf(w.out, "event: %s\n", kind)
	w.data(v)
}

// flush writes what was added since the last time.
func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	out := w.out
	if w.hit.Kind == faults.Split {
		at := middle(out)
		w.w.Write(out[:at])
		w.control.Flush()
		time.Sleep(time.Millisecond) // or the halves would arrive as one
		out = out[at:]
	}
	w.w.Write(out)
	w.out = w.out[:0]
	return w.control.Flush()
}

// middle is where to cut: within a character of several bytes, if there is one.
func middle(b []byte) int {
	for i := range b {
		if !utf8.RuneStart(b[i]) {
			return i
		}
	}
	return len(b) / 2
}

// whole writes an answer in one piece.
func (w *wire) whole(v any) {
	raw := encoded(v)
	w.w.Header().Set("Content-Type", "application/json")
	switch w.hit.Kind {
	case faults.Cut, faults.Tear: // the length that was promised does not come
		w.w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
		w.w.Write(raw[:len(raw)/2])
		w.control.Flush()
		hangUp(w.w, w.hit.Kind == faults.Tear)
	case faults.Garble:
		w.w.Write(raw[:len(raw)/2])
	default:
		send(w.w, raw)
	}
}

// send writes a body whose length is stated, as vLLM does for all but streams.
func send(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.Write(raw)
}

// hangUp closes the connection without another word, or resets it.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if reset {
		linger(conn)
	}
	conn.Close()
}

// linger makes Close reset the connection, where it has such a thing.
func linger(conn net.Conn) {
	for above, ok := conn.(interface{ NetConn() net.Conn }); ok; above, ok = conn.(interface{ NetConn() net.Conn }) {
		conn = above.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// An apiError is an answer with an error status.
type apiError struct {
	status      int
	kind, param string
	text        string
	after       time.Duration // Retry-After
}

func bad(param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: "BadRequestError", param: param, text: fmt.Sprintf(format, args...)}
}

// misused is the refusal of a parameter's value, which the message names again at
// its end.
func misused(param string, value any, format string, args ...any) *apiError {
	apiErr := bad(param, format, args...)
	if value != nil {
		apiErr.text += fmt.Sprintf(" (parameter=%s, value=%v)", param, value)
	} else {
		apiErr.text += fmt.Sprintf(" (parameter=%s)", param)
	}
	return apiErr
}

// flawed is the refusal of a body that is not of the form it should have.
func flawed(flaws ...pydantic.Flaw) *apiError {
	param, text := pydantic.Refusal(flaws...)
	return &apiError{status: http.StatusBadRequest, kind: "Bad Request", param: param, text: text}
}

// invalid is that of a body that cannot be read.
func invalid(body []byte, err error) *apiError { return flawed(pydantic.Invalid(body, err)) }

// fail writes an error in vLLM's envelope (vllm/entrypoints/openai/engine/protocol.py).
func (s *Handler) fail(w http.ResponseWriter, apiErr *apiError) {
	w.Header().Set("Content-Type", "application/json")
	if apiErr.after > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(max(1, int(apiErr.after.Seconds()))))
	}
	raw := encoded(s.envelope(apiErr))
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.WriteHeader(apiErr.status)
	w.Write(raw)
}

// envelope is the body of an error. The Rust front end has types of its own and
// codes that are strings.
func (s *Handler) envelope(apiErr *apiError) any {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    any     `json:"code"`
	}
	b := body{Message: apiErr.text, Type: apiErr.kind, Code: apiErr.status}
	if apiErr.param != "" {
		b.Param = &apiErr.param
	}
	if s.config.Rust {
		b.Type, b.Code = "invalid_request_error", fmt.Sprint(apiErr.status)
		if apiErr.status >= 500 {
			b.Type = "server_error"
		}
	}
	return map[string]body{"error": b}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	send(w, encoded(v))
}

// encoded is JSON as Python writes it: < and > as they are, and no line after it.
func encoded(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // what we made ourselves can be encoded
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
