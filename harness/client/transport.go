package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/vllmspec/vllmspec/harness/http1"
)

// open decides who carries the requests.
func (e *Endpoint) open() {
	carrier := e.Transport
	if carrier == nil {
		carrier = e.newTransport()
	}
	e.http = &http.Client{Transport: &authorized{e, carrier}}
	base, err := url.Parse(e.URL)
	var host string
	if err == nil {
		e.base = base
		host, err = httpguts.PunycodeHostPort(base.Host)
	}
	switch {
	case err != nil || host == "" || base.Scheme != "http" && base.Scheme != "https":
		e.wrong = &http1.ConnectError{Err: errors.New("the server's URL cannot be used")}
	case !httpguts.ValidHeaderFieldValue(e.Token.Value()):
		e.wrong = &http1.ConnectError{Err: errors.New("the API key holds a line break or another control character: it cannot be sent")}
	case e.Transport == nil && !e.HTTP2 && (e.Dial != nil || !proxied(base)):
		e.pool.Store(e.newPool(base, host))
	}
}

// newPool is our own engine for a server. What the heads of all requests have in
// common is written now.
func (e *Endpoint) newPool(base *url.URL, host string) *http1.Pool {
	named, headers := hostOf(e.Headers)
	e.fields = fmt.Appendf(nil, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: vllmspec\r\nAccept: text/event-stream\r\nAccept-Encoding: identity\r\n", cmp.Or(named, host))
	for _, h := range headers {
		e.fields = fmt.Appendf(e.fields, "%s: %s\r\n", h.Name, h.Value)
	}
	pool := &http1.Pool{Address: withPort(host, base), Dial: e.Dial, Keep: engineHeaders(e.EngineHeader)}
	if base.Scheme == "https" {
		pool.TLS = e.secured()
		pool.TLS.NextProtos = []string{"http/1.1"}
		pool.TLS.ServerName = cmp.Or(pool.TLS.ServerName, base.Hostname())
	}
	return pool
}

// head is what stands before a request's length. The authorization is written anew each
// time: the token may have been renewed.
func (e *Endpoint) head(r *Request) []byte {
	return append(append(append(e.headOf(http.MethodPost, r.Path), "Content-Type: "...), r.mediaType()...), "\r\n"...)
}

func (e *Endpoint) headOf(method, path string) []byte {
	head := slices.Concat([]byte(method), []byte(" "), []byte(e.target(path)), e.fields)
	if authorization := e.authorization(); authorization != "" {
		head = append(append(append(head, "Authorization: "...), authorization...), "\r\n"...)
	}
	return head
}

// withPort is an address, with the port that its scheme means where it has none.
func withPort(host string, base *url.URL) string {
	switch {
	case base.Port() != "":
		return host
	case base.Scheme == "https":
		return strings.TrimSuffix(host, ":") + ":443"
	}
	return strings.TrimSuffix(host, ":") + ":80"
}

func proxied(base *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	return proxy != nil || err != nil // net/http says what is wrong with it
}

func (e *Endpoint) secured() *tls.Config {
	if e.TLS == nil {
		return &tls.Config{}
	}
	return e.TLS.Clone()
}

// HTTP is for everything else that the server is asked: lists, metrics.
func (e *Endpoint) HTTP() *http.Client {
	e.once.Do(e.open)
	return e.http
}

// Warm opens connections for a number of requests in flight, so that none has to wait for
// one, and keeps some spare from then on, as far as the server accepts them. Where net/http
// carries the requests it does nothing. A GET of the path shows whether a connection works.
func (e *Endpoint) Warm(ctx context.Context, requests int, path string) error {
	e.once.Do(e.open)
	e.http.CloseIdleConnections() // of what was read before the load: the server counts them too
	pool := e.pool.Load()
	if e.wrong != nil || pool == nil {
		return e.wrong
	}
	err := pool.Warm(ctx, requests, e.headOf(http.MethodGet, path))
	if limit, ok := errors.AsType[*http1.LimitError](err); ok {
		return errors.New(e.Quote(limit.Error()))
	}
	if err != nil && !refusesHTTP1(err) {
		return e.Failed(ctx, err)
	}
	return nil
}

// Close closes the connections that are not in use.
func (e *Endpoint) Close() {
	e.once.Do(e.open)
	if pool := e.pool.Load(); pool != nil {
		pool.Close()
	}
	e.http.CloseIdleConnections()
}

// authorization is the header that lets us in: the key, or who stands in the URL.
func (e *Endpoint) authorization() string {
	if key := e.Token.Value(); key != "" {
		return "Bearer " + key
	}
	if user := e.base.User; user != nil {
		password, _ := user.Password()
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	}
	return ""
}

// An authorized transport says who we are, to the server under test and to none
// else: not where a redirect leads, nor to what collects its metrics.
type authorized struct {
	endpoint *Endpoint
	http.RoundTripper
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	e := a.endpoint
	if !isBelow(e.base, r.URL) {
		return a.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	if pool := e.pool.Load(); pool != nil && pool.Limited() {
		r.Close = true // an idle connection of the metrics' would take up a place
	}
	if authorization := e.authorization(); authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	host, headers := hostOf(e.Headers)
	for _, h := range headers {
		r.Header.Set(h.Name, h.Value)
	}
	r.Host = cmp.Or(host, r.Host)
	return a.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's method of that name.
func (a *authorized) CloseIdleConnections() {
	if closer, ok := a.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
