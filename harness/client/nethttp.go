package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/http1"
	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/stamp"
)

// A transport speaks HTTP/1.1, and HTTP/2 where that was asked for or where a
// server speaks nothing else. Several streams on one connection hold each other up.
type transport struct {
	one, two *http.Transport
	only2    atomic.Bool
}

func (e *Endpoint) newTransport() *transport {
	t := &transport{one: e.netTransport(), two: e.netTransport()}
	t.one.Protocols.SetHTTP1(true)
	t.one.TLSClientConfig.NextProtos = []string{"http/1.1"} // or a server could take it for granted that we speak its language
	t.two.Protocols.SetHTTP2(true)
	t.two.Protocols.SetUnencryptedHTTP2(true)
	t.only2.Store(e.HTTP2)
	return t
}

// RoundTrip asks once, or a second time where nothing was asked yet.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.only2.Load() {
		response, err := t.one.RoundTrip(r)
		if err == nil || !refusesHTTP1(err) {
			return response, err
		}
		t.only2.Store(true)
		if r.GetBody != nil {
			r = r.Clone(r.Context())
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
	return t.two.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	t.one.CloseIdleConnections()
	t.two.CloseIdleConnections()
}

// netTransport is a transport without hidden limits: as many connections as there
// are requests in flight, kept alive.
func (e *Endpoint) netTransport() *http.Transport {
	t := &http.Transport{
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1 << 20,
		ReadBufferSize:      readSize,
		// What is longer is an error of net/http's.
		MaxResponseHeaderBytes: limit.Head,
		// vLLM closes idle connections after 5 s, and Go does not repeat a POST
		// that meets a connection which is just being closed.
		IdleConnTimeout:     4 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     e.secured(),
		Protocols:           new(http.Protocols),
	}
	dial := e.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
		t.Proxy, t.OnProxyConnectResponse = http.ProxyFromEnvironment, tunnelled
	}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return stamp.New(conn), nil
	}
	return t
}

func (e *Endpoint) postOverNet(ctx context.Context, r *Request) (answer, error) {
	via := &netAnswer{engines: engineHeaders(e.EngineHeader)}
	request, err := http.NewRequestWithContext(via.follow(ctx), http.MethodPost, e.Address(r.Path), bytes.NewReader(r.Body))
	if err != nil {
		return nil, errors.New("the server's URL cannot be used")
	}
	request.Header.Set("Content-Type", r.mediaType())
	request.Header.Set("Accept-Encoding", "identity")
	if via.response, err = e.http.Transport.RoundTrip(request); err != nil { // no client: it would follow redirects
		return nil, err
	}
	if via.response.ProtoMajor == 2 {
		via.stamps = nil // what came last may be another stream's
	}
	via.stamp()
	if err := via.kept(); err != nil {
		via.Close()
		return nil, err
	}
	return via, nil
}

// A netAnswer is one that net/http brought.
type netAnswer struct {
	response *http.Response
	engines  []string    // names of the fields that may name an engine
	stamps   *stamp.Conn // nil where it is none of ours
	buffer   []byte
	at       time.Time // of what was read last
	waited   time.Duration
	silence  *time.Timer // that ends the answer; nil: none
	silent   atomic.Bool // it did

	mu    sync.Mutex // net/http goes on connecting for others
	asked time.Time
	sent  time.Time // when there was a connection to send it on; zero: unknown
	times http1.Times
}

// follow looks on while a connection is found or made.
func (a *netAnswer) follow(ctx context.Context) context.Context {
	a.times = http1.Times{Connecting: http1.NoTime, Resolving: http1.NoTime, Securing: http1.NoTime}
	making := a.times
	var resolving, securing time.Time
	locked := func(do func()) { a.mu.Lock(); defer a.mu.Unlock(); do() }
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:           func(string) { locked(func() { a.asked = time.Now() }) },
		DNSStart:          func(httptrace.DNSStartInfo) { locked(func() { resolving = time.Now() }) },
		DNSDone:           func(httptrace.DNSDoneInfo) { locked(func() { making.Resolving = time.Since(resolving) }) },
		TLSHandshakeStart: func() { locked(func() { securing = time.Now() }) },
		TLSHandshakeDone: func(tls.ConnectionState, error) {
			locked(func() { making.Securing = time.Since(securing) })
		},
		GotConn: func(got httptrace.GotConnInfo) {
			if a.stamps = stamp.Of(got.Conn); a.stamps != nil {
				a.stamps.Fresh()
			}
			locked(func() {
				if a.sent = time.Now(); !got.Reused {
					a.times = making
					a.times.Connecting = a.sent.Sub(a.asked)
				}
			})
		},
	})
}

func (a *netAnswer) headers() harness.Chunk {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := harness.Chunk{At: a.at, Sent: a.sent, Waited: harness.NoTime, Headers: true, HTTPStatus: a.response.StatusCode, RequestID: a.response.Header.Get("X-Request-Id"),
		Tokens: harness.Unreported, Resolving: a.times.Resolving, Connecting: a.times.Connecting, Securing: a.times.Securing}
	if a.stamps != nil {
		h.Sent = a.stamps.Written()
	}
	return h
}

// kept is an error where a field of the head that is kept is too long.
func (a *netAnswer) kept() error {
	for _, name := range []string{"Content-Type", "Content-Encoding", "Location", "X-Request-Id"} {
		if long := len(strings.Join(a.response.Header.Values(name), ",")); long > limit.Field {
			return http1.Malformed(fmt.Sprintf("the field %s of the answer's head has %d bytes; at most %d are read", name, long, limit.Field))
		}
	}
	return nil
}

func (a *netAnswer) kind() string { return a.response.Header.Get("Content-Type") }
func (a *netAnswer) encoding() string {
	return strings.Join(a.response.Header.Values("Content-Encoding"), ",")
}
func (a *netAnswer) location() string { return a.response.Header.Get("Location") }

func (a *netAnswer) named(i int) string {
	values := a.response.Header.Values(a.engines[i])
	if len(values) == 0 || len(values[len(values)-1]) > limit.Field {
		return ""
	}
	return values[len(values)-1]
}

// Within closes the body when that time is over: it has no deadlines.
func (a *netAnswer) Within(long time.Duration) {
	if a.silence != nil {
		a.silence.Stop()
	}
	a.silence = time.AfterFunc(long, func() {
		a.silent.Store(true)
		a.response.Body.Close()
	})
}

// Next reads once from the body.
func (a *netAnswer) Next() ([]byte, error) {
	if a.buffer == nil {
		a.buffer = make([]byte, readSize)
	}
	for {
		n, err := a.response.Body.Read(a.buffer)
		a.stamp()
		if n > 0 {
			return a.buffer[:n], nil // an error comes again
		}
		if err != nil && err != io.EOF && a.silent.Load() {
			err = os.ErrDeadlineExceeded
		}
		if err != nil {
			return nil, err
		}
	}
}

// stamp notes when what was read now had come.
func (a *netAnswer) stamp() {
	a.at, a.waited = time.Now(), stamp.Unknown
	if a.stamps != nil {
		a.at, a.waited = a.stamps.Last()
	}
}

func (a *netAnswer) Last() (time.Time, time.Duration) { return a.at, a.waited }

func (a *netAnswer) Close() {
	if a.silence != nil {
		a.silence.Stop()
	}
	a.response.Body.Close()
}

// Leave gives up the connection of a body that has not ended.
func (a *netAnswer) Leave() { a.Close() }
