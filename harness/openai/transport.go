package openai

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
func (c *Client) open() {
	carrier := c.Transport
	if carrier == nil {
		carrier = c.newTransport()
	}
	c.http = &http.Client{Transport: &authorized{c, carrier}}
	base, err := url.Parse(c.URL)
	var host string
	if err == nil {
		c.base = base
		host, err = httpguts.PunycodeHostPort(base.Host)
	}
	switch {
	case err != nil || host == "" || base.Scheme != "http" && base.Scheme != "https":
		c.wrong = &http1.ConnectError{Err: errors.New("the server's URL cannot be used")}
	case !httpguts.ValidHeaderFieldValue(c.Token.Value()):
		c.wrong = &http1.ConnectError{Err: errors.New("the API key holds a line break or another control character: it cannot be sent")}
	case c.Transport == nil && !c.HTTP2 && (c.Dial != nil || !proxied(base)):
		c.pool.Store(c.newPool(base, host))
	}
}

// newPool is our own engine for a server. What the heads of all requests have in
// common is written now.
func (c *Client) newPool(base *url.URL, host string) *http1.Pool {
	c.fields = fmt.Appendf(nil, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: vllmspec\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n", host)
	for _, h := range c.Headers {
		c.fields = fmt.Appendf(c.fields, "%s: %s\r\n", h.Name, h.Value)
	}
	pool := &http1.Pool{Address: withPort(host, base), Dial: c.Dial}
	if base.Scheme == "https" {
		pool.TLS = c.secured()
		pool.TLS.NextProtos = []string{"http/1.1"}
		pool.TLS.ServerName = cmp.Or(pool.TLS.ServerName, base.Hostname())
	}
	return pool
}

// head is what stands before a request's length. Who we are is written anew each
// time: a token can be another one by now.
func (c *Client) head(path string) []byte {
	head := slices.Concat([]byte("POST "), []byte(c.base.EscapedPath()), []byte(path), c.fields)
	if authorization := c.authorization(); authorization != "" {
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

func (c *Client) secured() *tls.Config {
	if c.TLS == nil {
		return &tls.Config{}
	}
	return c.TLS.Clone()
}

// HTTP is for everything else that the server is asked: lists, metrics.
func (c *Client) HTTP() *http.Client {
	c.once.Do(c.open)
	return c.http
}

// Warm opens connections for so many requests in flight, so that none has to wait
// for one, and keeps some spare from then on. Where net/http carries the requests
// there is nothing to be done beforehand.
func (c *Client) Warm(ctx context.Context, requests int) error {
	c.once.Do(c.open)
	if pool := c.pool.Load(); c.wrong == nil && pool != nil {
		if err := pool.Warm(ctx, requests); err != nil && !refusesHTTP1(err) {
			return c.failed(ctx, err)
		}
	}
	return c.wrong
}

// Close closes the connections that nobody uses.
func (c *Client) Close() {
	c.once.Do(c.open)
	if pool := c.pool.Load(); pool != nil {
		pool.Close()
	}
	c.http.CloseIdleConnections()
}

// authorization is the header that lets us in: the key, or who stands in the URL.
func (c *Client) authorization() string {
	if key := c.Token.Value(); key != "" {
		return "Bearer " + key
	}
	if user := c.base.User; user != nil {
		password, _ := user.Password()
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	}
	return ""
}

// An authorized transport says who we are, to the server under test and to nobody
// else: not where a redirect leads, nor to whoever collects its metrics.
type authorized struct {
	client *Client
	http.RoundTripper
}

func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	c := a.client
	if c.base == nil || r.URL.Scheme != c.base.Scheme || r.URL.Host != c.base.Host {
		return a.RoundTripper.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	if authorization := c.authorization(); authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for _, h := range c.Headers {
		r.Header.Set(h.Name, h.Value)
	}
	return a.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections is for http.Client's method of that name.
func (a *authorized) CloseIdleConnections() {
	if closer, ok := a.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}
