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
	c.http = &http.Client{Transport: c.Transport}
	if c.Transport == nil {
		c.http.Transport = c.newTransport()
	}
	base, err := url.Parse(c.URL)
	var host string
	if err == nil {
		host, err = httpguts.PunycodeHostPort(base.Host)
	}
	switch {
	case err != nil || host == "" || base.Scheme != "http" && base.Scheme != "https":
		c.wrong = &http1.ConnectError{Err: errors.New("the server's URL cannot be used")}
	case !httpguts.ValidHeaderFieldValue(c.APIKey):
		c.wrong = &http1.ConnectError{Err: errors.New("the API key holds a line break or another control character: it cannot be sent")}
	case c.Transport == nil && !c.HTTP2 && (c.Dial != nil || !proxied(base)):
		c.pool.Store(c.newPool(base, host))
	}
}

// newPool is our own engine for a server. What the heads of all requests have in
// common is written now.
func (c *Client) newPool(base *url.URL, host string) *http1.Pool {
	c.path = base.EscapedPath()
	c.fields = fmt.Appendf(nil, " HTTP/1.1\r\nHost: %s\r\nUser-Agent: vllmspec\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n", host)
	if authorization := c.authorization(base.User); authorization != "" {
		c.fields = fmt.Appendf(c.fields, "Authorization: %s\r\n", authorization)
	}
	pool := &http1.Pool{Address: withPort(host, base), Dial: c.Dial}
	if base.Scheme == "https" {
		pool.TLS = c.secured()
		pool.TLS.NextProtos = []string{"http/1.1"}
		pool.TLS.ServerName = cmp.Or(pool.TLS.ServerName, base.Hostname())
	}
	return pool
}

// head is what stands before a request's length.
func (c *Client) head(path string) []byte {
	return slices.Concat([]byte("POST "), []byte(c.path), []byte(path), c.fields)
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
func (c *Client) authorization(user *url.Userinfo) string {
	switch {
	case c.APIKey != "":
		return "Bearer " + c.APIKey
	case user != nil:
		password, _ := user.Password()
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
	}
	return ""
}

func (c *Client) authorize(request *http.Request) {
	if authorization := c.authorization(request.URL.User); authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
}
