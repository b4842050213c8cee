// Package wiretest is what tests of interfaces have in common: a server that gives one answer, a body that comes in pieces, and
// what a client made of an answer.
package wiretest

import (
	"context"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
)

// A Server is a transport that gives every request one answer, and keeps what was asked.
type Server struct {
	Kind, Body string
	Status     int     // 0: 200
	Asked      *[]byte // nil: it is not kept
}

// RoundTrip implements [http.RoundTripper].
func (s Server) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.Asked != nil {
		*s.Asked, _ = io.ReadAll(r.Body)
	}
	return &http.Response{StatusCode: max(s.Status, 200), Header: http.Header{"Content-Type": {s.Kind}}, Body: io.NopCloser(strings.NewReader(s.Body))}, nil
}

// AtOnce reports whether its answer comes in one piece.
func (s Server) AtOnce() bool { return s.Kind == "application/json" }

// Streamed is a server that answers in a stream.
func Streamed(body string) Server {
	return Server{Kind: "text/event-stream; charset=utf-8", Body: body}
}

// InOnePiece is a server that answers in one piece.
func InOnePiece(body string) Server { return Server{Kind: "application/json", Body: body} }

// Hello is a conversation to ask for.
func Hello() harness.Prompt {
	return harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "Hello"}}, MaxTokens: 40}
}

// An Outcome is what became of an answer.
type Outcome struct {
	Text, Call, Reasoning, Refusal, Finish, ID, Model string
	Pieces                                            int
	Usage                                             *harness.Usage
	Failure                                           harness.Failure
	Says                                              string
}

// Ask is what a client makes of the answer to a prompt.
func Ask(c harness.Client, p harness.Prompt) (o Outcome) {
	for chunk, err := range c.Ask(context.Background(), p) {
		if err != nil {
			asked := err.(*harness.AskError)
			o.Failure, o.Says = asked.Failure, asked.Err.Error()
			return o
		}
		if chunk.Content() {
			o.Pieces++
		}
		o.Text, o.Call, o.Reasoning, o.Refusal = o.Text+chunk.Text, o.Call+chunk.Call, o.Reasoning+chunk.Reasoning, o.Refusal+chunk.Refusal
		if chunk.Finish != "" {
			o.Finish = chunk.Finish
		}
		if chunk.Usage != nil {
			o.Usage = chunk.Usage
		}
		if chunk.RequestID != "" {
			o.ID, o.Model = chunk.RequestID, chunk.Model
		}
	}
	return o
}

// pieces is a body that comes in steps of so many bytes.
type pieces struct {
	left string
	step int
}

func (p *pieces) Next() ([]byte, error) {
	if p.left == "" {
		return nil, io.EOF
	}
	n := min(p.step, len(p.left))
	next := p.left[:n]
	p.left = p.left[n:]
	return []byte(next), nil
}

func (*pieces) Within(time.Duration) {}

func (*pieces) Last() (time.Time, time.Duration) { return time.Time{}, harness.NoTime }

// Read is what a protocol reads of a stream that comes in steps of so many bytes, and how it failed; "" where it did not.
func Read(of client.Protocol, body string, step int) (chunks []harness.Chunk, failure string) {
	for chunk, err := range of.Read(&pieces{body, step}, "text/event-stream", math.MaxInt) {
		if err != nil {
			return chunks, err.Error()
		}
		chunks = append(chunks, chunk)
	}
	return chunks, ""
}
