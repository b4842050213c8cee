// Package openai asks a server that speaks OpenAI's HTTP interface as vLLM
// does: completions and chat, streamed over HTTP/1.1. It stamps every piece of
// an answer when it arrives, before anything is parsed, and gives every way in
// which a request can fail its name.
package openai

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
)

// A Client asks one model of one server.
type Client struct {
	URL    string // base address, without /v1
	Model  string
	APIKey string // bearer token; "" for none
	HTTP   *http.Client
}

// NewTransport is a transport without hidden limits: as many connections as
// there are requests in flight, kept alive, HTTP/1.1 only, because several
// streams on one connection would hold each other up. dial replaces the
// network's, or is nil.
func NewTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	t := &http.Transport{
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1 << 20,
		ReadBufferSize:      readSize,
		// vLLM closes idle connections after 5 s, and Go does not repeat a POST
		// that meets a connection which is just being closed.
		IdleConnTimeout:     4 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
		t.Proxy = http.ProxyFromEnvironment
	}
	t.DialContext = stamping(dial)
	return t
}

// Ask sends the prompt, as a chat when it has messages and else as a
// completion, and yields the answer.
func (c *Client) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		path, body := c.request(p)
		via := new(connection)
		response, err := c.post(ctx, path, body, via)
		if err != nil {
			yield(harness.Chunk{}, c.failed(ctx, err))
			return
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			yield(harness.Chunk{}, c.refusal(response))
			return
		}
		headers := harness.Chunk{At: via.headers(), Sent: via.written(), Waited: harness.Never, Headers: true, HTTPStatus: response.StatusCode, Connecting: via.connecting,
			Tokens: harness.Untold, RequestID: response.Header.Get("X-Request-Id")}
		if !yield(headers, nil) {
			return
		}
		if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			yield(harness.Chunk{}, &harness.AskError{Failure: harness.Malformed, HTTPStatus: response.StatusCode,
				Err: fmt.Errorf("%q came instead of a stream of events", kind)})
			return
		}
		for chunk, err := range read(response.Body, via.stamps) {
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

func (c *Client) post(ctx context.Context, path string, body []byte, via *connection) (*http.Response, error) {
	request, err := http.NewRequestWithContext(via.follow(ctx), http.MethodPost, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the server's URL cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	c.authorize(request)
	return c.HTTP.Do(request)
}

// A connection is what is known of the one that a request took.
type connection struct {
	asked      time.Time
	connecting time.Duration // Never where it was there already
	stamps     *stampedConn  // nil where it is none of ours
}

// follow looks on while a connection is found or made.
func (v *connection) follow(ctx context.Context) context.Context {
	v.connecting = harness.Never
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { v.asked = time.Now() },
		GotConn: func(got httptrace.GotConnInfo) {
			if v.stamps = stampsOf(got.Conn); v.stamps != nil {
				v.stamps.fresh()
			}
			if !got.Reused {
				v.connecting = time.Since(v.asked)
			}
		},
	})
}

// written is when the request was handed to the system; zero where nobody knows.
func (v *connection) written() time.Time {
	if v.stamps == nil {
		return time.Time{}
	}
	return v.stamps.written()
}

// headers is when the response's headers arrived that have just been read.
func (v *connection) headers() time.Time {
	if v.stamps == nil {
		return time.Now()
	}
	at, _ := v.stamps.stamp()
	return at
}

func (c *Client) authorize(request *http.Request) {
	if c.APIKey != "" {
		request.Header.Set("Authorization", "Bearer "+c.APIKey)
	}
}

// refusal is the failure of an answer with a status other than 200.
func (c *Client) refusal(response *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return &harness.AskError{Failure: harness.HTTPFailure(response.StatusCode), HTTPStatus: response.StatusCode,
		Err: errors.New(c.redact(firstOf(complaint(raw), response.Status)))}
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
	return string(raw)
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

// failed gives an error of the connection its name.
func (c *Client) failed(ctx context.Context, err error) error {
	if asked, ok := errors.AsType[*harness.AskError](err); ok {
		return asked
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its text holds the URL, user and all
	}
	failure := harness.Reset
	var opened *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		failure = harness.Interrupted
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		failure = harness.Timeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &opened) && opened.Op == "dial":
		failure = harness.Refused
	case strings.Contains(err.Error(), "malformed HTTP"):
		failure = harness.Malformed
	}
	return &harness.AskError{Failure: failure, Err: errors.New(c.redact(err.Error()))}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// redact takes the key out of a text that came from elsewhere.
func (c *Client) redact(s string) string {
	if c.APIKey == "" {
		return s
	}
	return strings.ReplaceAll(s, c.APIKey, "…")
}
