// Package client carries requests to a server, and its answers back, in any wire format:
// connections and TLS, credentials, proxies, redirects, and a name for every way in which a
// request can fail. What a request says, and when an answer is complete, is defined by a
// [Protocol]; each has a package of its own, such as
// [github.com/vllmspec/vllmspec/harness/openai].
//
// vLLM speaks HTTP/1.1 only, and so does this client, with an engine of its own
// ([github.com/vllmspec/vllmspec/harness/http1]). net/http does the rest: a proxy from the
// environment, and HTTP/2, where an [Endpoint] asks for it and with servers behind TLS that
// refuse anything else.
package client

import (
	"cmp"
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

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/http1"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// An Endpoint is one server at one address: how it is reached, and with what credentials.
// Only URL is required. Its fields must not be changed after the first use.
type Endpoint struct {
	URL     string             // base address, before the paths of the protocol; a query in it goes with every request
	Token   *credentials.Token // nil for none
	Headers []credentials.Header

	Dial  func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
	TLS   *tls.Config                                                          // nil: the system's roots, no certificate of ours
	HTTP2 bool                                                                 // else only where a server speaks nothing else
	// Transport carries every request instead of Dial, TLS and HTTP2; nil: they do.
	Transport http.RoundTripper

	// EngineHeader is the header of an answer that names the engine behind a gateway; "": those of [EngineHeaders].
	EngineHeader string

	// Secrets are removed from all that the server says, as the endpoint's own credentials
	// are; nil: there are no others.
	Secrets  *credentials.Secrets
	Settings Settings // what errors call what the user sets

	once   sync.Once
	pool   atomic.Pointer[http1.Pool] // nil: net/http asks
	base   *url.URL                   // once it was used
	fields []byte                     // of every request's head
	http   *http.Client
	wrong  error // what keeps it from asking

	remarking sync.Mutex
	remarks   map[Remark]bool // since they were asked for

	knowing sync.Once
	known   *credentials.Secrets
}

// A Protocol is a wire format: how an answer in it is read.
type Protocol interface {
	// Read yields the chunks of an answer with status 200 as they come. The answer is complete
	// where they end without an error: the protocol decides that. The label is the media type
	// of the body, as its header has it, and most the number of bytes that the answer may have.
	Read(from Body, label string, most int) iter.Seq2[harness.Chunk, error]

	// Complaint is what the body of an answer with another status says went wrong.
	Complaint(body []byte) string
}

// A Request is what a protocol made of a prompt before it is due, so that making it delays
// nothing. It is a [harness.Request].
type Request struct {
	Path string // below the endpoint's URL
	Body []byte
	Type string // the media type of the body; "": application/json
	Most int    // bytes that the answer may have
}

// Bytes is how long the body is.
func (r *Request) Bytes() int { return len(r.Body) }

// mediaType is that of the body.
func (r *Request) mediaType() string { return cmp.Or(r.Type, "application/json") }

// Stream sends a request and yields the answer to it, as the protocol reads it.
func (e *Endpoint) Stream(ctx context.Context, r *Request, p Protocol) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		got, err := e.post(ctx, r)
		if err != nil {
			yield(harness.Chunk{}, e.Failed(ctx, err))
			return
		}
		if whole := e.follow(ctx, got, r, p, yield); whole {
			got.Leave()
		} else {
			got.Close()
		}
	}
}

// follow yields an answer, and reports whether it came whole.
func (e *Endpoint) follow(ctx context.Context, got answer, r *Request, p Protocol, yield func(harness.Chunk, error) bool) (whole bool) {
	headers := got.headers()
	headers.Replica = engineOf(got, e.EngineHeader)
	from, err := e.decoded(got)
	if headers.HTTPStatus != http.StatusOK {
		yield(harness.Chunk{}, e.refusal(got, from, &headers, r.Path, p))
		return false
	}
	clean := cleaner{endpoint: e}
	clean.clean(&headers)
	if !yield(headers, nil) {
		return false
	}
	if err != nil {
		yield(harness.Chunk{}, e.Failed(ctx, err))
		return false
	}
	for chunk, err := range p.Read(from, mediaType(got.kind()), r.Most) {
		if err != nil {
			yield(harness.Chunk{}, e.Failed(ctx, err))
			return false
		}
		clean.clean(&chunk)
		if !yield(chunk, nil) {
			return false
		}
	}
	return true
}

// mediaType is a media type as it is compared: without case and parameters.
func mediaType(field string) string {
	kind, _, _ := strings.Cut(field, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// An answer is what came of a request, over whatever carried it.
type answer interface {
	Body
	headers() harness.Chunk
	kind() string       // of content
	encoding() string   // of content
	location() string   // where a redirect leads
	named(i int) string // the i-th of the fields that may name an engine; "" where it is not there
	Close()
	Leave() // closes it too; its connection may be used again when the body has ended
}

// A Body is the body of an answer as it comes. It is read piece by piece.
type Body interface {
	// Next is the next piece, good until the next call; after the last it is io.EOF.
	Next() ([]byte, error)
	// Last is when what Next returned had come, and how long it then waited for us.
	Last() (arrived time.Time, waited time.Duration)
	// Within bounds how long Next waits from now on; past it is os.ErrDeadlineExceeded.
	Within(time.Duration)
}

func (e *Endpoint) post(ctx context.Context, r *Request) (answer, error) {
	e.once.Do(e.open)
	if e.wrong != nil {
		return nil, e.wrong
	}
	if pool := e.pool.Load(); pool != nil {
		got, err := pool.Ask(ctx, e.head(r), r.Body)
		if err == nil {
			return (*ownAnswer)(got), nil
		}
		if !refusesHTTP1(err) {
			return nil, err
		}
		e.pool.Store(nil) // for good
	}
	return e.postOverNet(ctx, r)
}

// An ownAnswer is one that our own engine brought.
type ownAnswer http1.Answer

func (a *ownAnswer) Next() ([]byte, error)            { return (*http1.Answer)(a).Next() }
func (a *ownAnswer) Last() (time.Time, time.Duration) { return (*http1.Answer)(a).Last() }
func (a *ownAnswer) Close()                           { (*http1.Answer)(a).Close() }
func (a *ownAnswer) Within(long time.Duration)        { (*http1.Answer)(a).Within(long) }
func (a *ownAnswer) Leave()                           { (*http1.Answer)(a).Leave(time.Second) }
func (a *ownAnswer) kind() string                     { return a.ContentType }
func (a *ownAnswer) encoding() string                 { return a.Encoding }
func (a *ownAnswer) location() string                 { return a.Location }

func (a *ownAnswer) named(i int) string {
	if i >= len(a.Kept) {
		return ""
	}
	return a.Kept[i]
}

func (a *ownAnswer) headers() harness.Chunk {
	at, _ := a.Last()
	return harness.Chunk{At: at, Sent: a.Sent, Waited: harness.NoTime, Headers: true, HTTPStatus: a.Status, RequestID: a.RequestID, Tokens: harness.Unreported,
		Resolving: a.Times.Resolving, Connecting: a.Times.Connecting, Securing: a.Times.Securing}
}

// refusal is the failure of an answer with a status other than 200.
func (e *Endpoint) refusal(got answer, from Body, headers *harness.Chunk, path string, p Protocol) error {
	status := headers.HTTPStatus
	var raw []byte
	for from != nil && len(raw) < limit.Stray {
		piece, err := from.Next()
		if err != nil {
			break
		}
		raw = append(raw, piece...)
	}
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		e.Token.Refused()
	}
	said := Excerpt(e.Redact(p.Complaint(raw)), fmt.Sprintf("%d %s", status, http.StatusText(status)))
	if elsewhere := e.redirected(status, got.location(), path); elsewhere != "" {
		said = Excerpt(e.Redact(elsewhere))
	}
	if status == http.StatusProxyAuthRequired {
		said = e.ProxyLogin(said)
	}
	return &harness.AskError{Failure: harness.HTTPFailure(status), HTTPStatus: status, Replica: e.CleanName(headers.Replica), Err: errors.New(said)}
}
