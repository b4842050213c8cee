package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A proxyError says why the proxy of the environment cannot be used. The server is not at
// fault.
type proxyError struct {
	at     *url.URL
	to     string // the host that it was to connect us with
	status int    // of its answer to that
	said   string
}

func (e *proxyError) Error() string {
	where := fmt.Sprintf("the proxy at %s://%s, which HTTP_PROXY or HTTPS_PROXY names,", e.at.Scheme, e.at.Host) // without user and password
	switch {
	case e.status == http.StatusProxyAuthRequired:
		return where + " " + wantsLogin(e.at, e.said)
	case e.status >= 500:
		return fmt.Sprintf("%s cannot connect us with %s (%s); is the server's address right as the proxy sees it? Else name the server's host in NO_PROXY", where, e.to, e.said)
	}
	return fmt.Sprintf("%s does not let us through to %s (%s); have it allow that, or name the server's host in NO_PROXY", where, e.to, e.said)
}

func wantsLogin(proxy *url.URL, said string) string {
	said = strings.TrimPrefix(said, "407 ")
	if proxy.User != nil {
		return fmt.Sprintf("refuses the user and password that stand there (407: %s); correct them, or name the server's host in NO_PROXY", said)
	}
	return fmt.Sprintf("wants user and password (407: %s); write them there (http://user:password@host:port), or name the server's host in NO_PROXY", said)
}

// tunnelled looks at what a proxy answers when it is to connect us with a server
// that speaks TLS.
func tunnelled(_ context.Context, proxy *url.URL, asked *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyError{proxy, asked.Host, answer.StatusCode, Excerpt(answer.Status)}
}

// ProxyLogin explains a status of 407, which only a proxy sends. Without TLS the connection
// does not show that the answer was not the server's.
func (e *Endpoint) ProxyLogin(said string) string {
	var proxy *url.URL
	if e.base != nil && e.Dial == nil && e.Transport == nil {
		proxy, _ = http.ProxyFromEnvironment(&http.Request{URL: e.base})
	}
	if proxy == nil {
		return "a proxy before the server wants user and password (407: " + said + "); no HTTP_PROXY names it: ask who runs it, or write an address in " + e.Settings.address() + " that does not lead through it"
	}
	return (&proxyError{at: proxy, status: http.StatusProxyAuthRequired, said: said}).Error()
}

// ofProxy says what is wrong with the proxy of the environment.
func ofProxy(err error) string {
	if of, ok := errors.AsType[*proxyError](err); ok {
		return of.Error()
	}
	if through, ok := errors.AsType[*net.OpError](err); ok && through.Op == "proxyconnect" {
		return fmt.Sprintf("the proxy that HTTP_PROXY or HTTPS_PROXY names cannot be used (%v); correct it, or name the server's host in NO_PROXY", through.Err)
	}
	return ""
}
