// Package openai asks a server that speaks OpenAI's HTTP interface as vLLM
// does: completions and chat, streamed. It stamps every piece of an answer when
// it arrives, before anything is parsed, and gives every way in which a request
// can fail its name.
//
// vLLM speaks HTTP/1.1 only, and so do we, with an engine of our own
// ([github.com/vllmspec/vllmspec/harness/http1]). What that does not do,
// net/http does: a proxy from the environment, and HTTP/2, which is spoken where
// a [Client] says so and with servers behind TLS that refuse anything else.
package openai

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/http1"
)

// A Client asks one model of one server. Only URL is needed. Nothing but Model
// may be changed once it was used.
type Client struct {
	URL     string // base address, without /v1
	Model   string
	Token   *credentials.Token // nil for none
	Headers []credentials.Header

	// CountTokens asks the server how many tokens each chunk holds, which costs it
	// and us something for every one.
	CountTokens bool

	Dial  func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
	TLS   *tls.Config                                                          // nil: the system's roots, no certificate of ours
	HTTP2 bool                                                                 // else only where a server speaks nothing else
	// Transport takes every request in place of what the above says, or is nil.
	Transport http.RoundTripper

	once   sync.Once
	pool   atomic.Pointer[http1.Pool] // nil: net/http asks
	base   *url.URL                   // once it was used
	fields []byte                     // of every request's head
	http   *http.Client
	wrong  error // what keeps it from asking
}

// Ask sends the prompt, as a chat when it has messages and else as a
// completion, and yields the answer.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		path, body := c.request(p)
		got, err := c.post(ctx, path, body)
		if err != nil {
			yield(harness.Chunk{}, c.failed(ctx, err))
			return
		}
		defer got.Close()
		headers := got.headers()
		if headers.HTTPStatus != http.StatusOK {
			yield(harness.Chunk{}, c.refusal(got, headers.HTTPStatus))
			return
		}
		if !yield(headers, nil) {
			return
		}
		if kind := got.kind(); !strings.HasPrefix(kind, "text/event-stream") {
			yield(harness.Chunk{}, &harness.AskError{Failure: harness.Malformed, HTTPStatus: headers.HTTPStatus,
				Err: fmt.Errorf("%q came instead of a stream of events", kind)})
			return
		}
		for chunk, err := range read(got) {
			if err != nil {
				yield(harness.Chunk{}, c.failed(ctx, err))
				return
			}
			if !yield(chunk, nil) {
				return
			}
		}
	}
}

// An answer is what came of a request, whoever carried it.
type answer interface {
	body
	headers() harness.Chunk
	kind() string // of content
	Close()
}

// A body is read piece by piece.
type body interface {
	// Next is the next piece, good until the next call; after the last it is io.EOF.
	Next() ([]byte, error)
	// Last is when what Next returned had come, and how long it then waited for us.
	Last() (arrived time.Time, waited time.Duration)
}

func (c *Client) post(ctx context.Context, path string, body []byte) (answer, error) {
	c.once.Do(c.open)
	if c.wrong != nil {
		return nil, c.wrong
	}
	if pool := c.pool.Load(); pool != nil {
		got, err := pool.Ask(ctx, c.head(path), body)
		if err == nil {
			return (*ownAnswer)(got), nil
		}
		if !refusesHTTP1(err) {
			return nil, err
		}
		c.pool.Store(nil) // for good
	}
	return c.postOverNet(ctx, path, body)
}

// An ownAnswer is one that our own engine brought.
type ownAnswer http1.Answer

func (a *ownAnswer) Next() ([]byte, error)            { return (*http1.Answer)(a).Next() }
func (a *ownAnswer) Last() (time.Time, time.Duration) { return (*http1.Answer)(a).Last() }
func (a *ownAnswer) Close()                           { (*http1.Answer)(a).Close() }
func (a *ownAnswer) kind() string                     { return a.ContentType }

func (a *ownAnswer) headers() harness.Chunk {
	at, _ := a.Last()
	return harness.Chunk{At: at, Sent: a.Sent, Waited: harness.Never, Headers: true, HTTPStatus: a.Status, RequestID: a.RequestID, Tokens: harness.Untold,
		Resolving: a.Times.Resolving, Connecting: a.Times.Connecting, Securing: a.Times.Securing}
}

// refusal is the failure of an answer with a status other than 200.
func (c *Client) refusal(got body, status int) error {
	var raw []byte
	for len(raw) < 64<<10 {
		piece, err := got.Next()
		if err != nil {
			break
		}
		raw = append(raw, piece...)
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		c.Token.Refused()
	}
	said := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return &harness.AskError{Failure: harness.HTTPFailure(status), HTTPStatus: status, Err: errors.New(firstOf(c.redact(complaint(raw)), said))}
}

// complaint is what the body of an error says, in any of the shapes there are.
func complaint(raw []byte) string {
	if !gjson.ValidBytes(raw) {
		return strings.Join(strings.Fields(string(raw)), " ")
	}
	for _, path := range []string{"error.message", "error", "message", "detail"} {
		if v := gjson.GetBytes(raw, path); v.Type == gjson.String {
			return v.String()
		}
	}
	return string(bytes.TrimSpace(raw))
}

func firstOf(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			if len(s) > 300 {
				s = strings.ToValidUTF8(s[:300], "") + "…"
			}
			return s
		}
	}
	return ""
}
