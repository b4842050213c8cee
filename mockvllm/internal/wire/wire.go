// Package wire writes answers as vLLM's front ends do, and lets go wrong what can go wrong with how bytes travel.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
)

// A Wire carries one answer to its client: as server-sent events, or in one
// piece. What goes wrong with how bytes travel goes wrong here.
type Wire struct {
	W       http.ResponseWriter
	control *http.ResponseController
	Streams bool
	hit     faults.Fault
	Out     []byte // events to be written at once
}

// New is the wire of an answer that is streamed, or is not; hit is what goes wrong with it.
func New(w http.ResponseWriter, streams bool, hit faults.Fault) *Wire {
	return &Wire{W: w, control: http.NewResponseController(w), Streams: streams, hit: hit}
}

// Open sends the headers of a stream: vLLM does so before the request is even
// queued, so that headers say nothing about the first token.
func (w *Wire) Open() {
	if !w.Streams {
		return
	}
	w.W.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.W.WriteHeader(http.StatusOK)
	w.control.Flush()
}

// Data adds an event; Named adds one that says its type.
func (w *Wire) Data(v any) {
	w.Out = fmt.Appendf(w.Out, "data: %s\n\n", JSON(v))
}

// Named adds an event that says its type.
func (w *Wire) Named(kind string, v any) {
	w.Out = fmt.Appendf(w.Out, "event: %s\n", kind)
	w.Data(v)
}

// Flush writes what was added since the last time.
func (w *Wire) Flush() error {
	if len(w.Out) == 0 {
		return nil
	}
	out := w.Out
	if w.hit.Kind == faults.Split {
		at := middle(out)
		w.W.Write(out[:at])
		w.control.Flush()
		time.Sleep(time.Millisecond) // or the halves would arrive as one
		out = out[at:]
	}
	w.W.Write(out)
	w.Out = w.Out[:0]
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

// Whole writes an answer in one piece.
func (w *Wire) Whole(v any) {
	raw := JSON(v)
	w.W.Header().Set("Content-Type", "application/json")
	switch w.hit.Kind {
	case faults.Cut, faults.Tear: // the length that was promised does not come
		w.W.Header().Set("Content-Length", fmt.Sprint(len(raw)))
		w.W.Write(raw[:len(raw)/2])
		w.control.Flush()
		HangUp(w.W, w.hit.Kind == faults.Tear)
	case faults.Garble:
		w.W.Write(raw[:len(raw)/2])
	default:
		Send(w.W, raw)
	}
}

// Send writes a body whose length is stated, as vLLM does for all but streams.
func Send(w http.ResponseWriter, raw []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(raw)))
	w.Write(raw)
}

// HangUp closes the connection without another word, or resets it.
func HangUp(w http.ResponseWriter, reset bool) {
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

// JSON is a value as Python writes it: < and > as they are, and no line after it.
func JSON(v any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // what we made ourselves can be encoded
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
