package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/http1"
	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/plain"
)

// Failed gives an error of the connection its name.
func (e *Endpoint) Failed(ctx context.Context, err error) error {
	if asked, ok := errors.AsType[*harness.AskError](err); ok {
		return &harness.AskError{Failure: asked.Failure, HTTPStatus: asked.HTTPStatus, Err: errors.New(e.Quote(asked.Err.Error()))}
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // its text holds the URL, user and all
	}
	failure := harness.Reset
	switch advice := outOfSockets(err); {
	case errors.Is(ctx.Err(), context.Canceled):
		failure = harness.Interrupted
	case advice != "":
		failure, err = harness.OutOfSockets, fmt.Errorf("%w: %s", err, advice)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		failure = harness.Timeout
	case errors.Is(err, syscall.ECONNREFUSED), isConnecting(err), isProxys(err):
		failure = harness.Refused
	case isMalformed(err):
		failure = harness.Malformed
	}
	return &harness.AskError{Failure: failure, Err: errors.New(e.Quote(err.Error()))}
}

// outOfSockets is what to do where this machine has no sockets or ports left for a
// connection; "" where that is not the error.
func outOfSockets(err error) string {
	is := func(number syscall.Errno) bool {
		// The resolver reports its errors as text only.
		return errors.Is(err, number) || isConnecting(err) && strings.Contains(err.Error(), number.Error())
	}
	switch {
	case is(syscall.ENFILE): // before the other one, whose text is part of its own
		return "this machine may not open more files; raise its limit (sysctl fs.file-max)"
	case is(syscall.EMFILE):
		return "this process may not open more files; raise its limit (ulimit -n)"
	case is(syscall.EADDRNOTAVAIL):
		return "this machine has no port left for another connection; widen their range (sysctl net.ipv4.ip_local_port_range), or ask from several addresses"
	case is(syscall.ENOBUFS):
		return "this machine has no memory left for another connection; raise its limits (sysctl net.core.wmem_max, net.ipv4.tcp_mem)"
	}
	return ""
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// isConnecting reports whether a connection could not be made.
func isConnecting(err error) bool {
	if _, ok := errors.AsType[*http1.ConnectError](err); ok {
		return true
	}
	opened, ok := errors.AsType[*net.OpError](err)
	return ok && opened.Op == "dial"
}

func isProxys(err error) bool {
	_, ok := errors.AsType[*proxyError](err)
	return ok
}

// isMalformed reports whether what came is no HTTP; net/http says so in words.
func isMalformed(err error) bool {
	_, ok := errors.AsType[http1.Malformed](err)
	return ok || strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "malformed MIME") || strings.Contains(err.Error(), "server response headers exceeded")
}

// refusesHTTP1 reports whether a server wants HTTP/2 and nothing else. The alert
// that says so (RFC 7301, section 3.2) has no type that could be asked for.
func refusesHTTP1(err error) bool {
	return strings.Contains(err.Error(), "tls: no application protocol")
}

// Quote is the beginning of a text that came from elsewhere, without secrets. They are
// removed before the text is cut, or half of one might stay.
func (e *Endpoint) Quote(s string) string { return Excerpt(e.Redact(s)) }

// Redact removes secrets from a text that came from elsewhere, also those that show only
// once invisible characters are removed.
func (e *Endpoint) Redact(s string) string {
	secrets := e.KnownSecrets()
	return secrets.Text(plain.Lines(secrets.Text(s)))
}

// CleanName is a name that the server gives something, in one line and without what is secret.
func (e *Endpoint) CleanName(s string) string { return plain.Line(e.Redact(s)) }

// KnownSecrets are those that are removed from all that came from elsewhere: the ones that the
// client was given, and its own credentials.
func (e *Endpoint) KnownSecrets() *credentials.Secrets {
	e.knowing.Do(func() {
		if e.known = e.Secrets; e.known == nil {
			e.known = new(credentials.Secrets)
		}
		for _, h := range e.Headers {
			e.known.Add(h.Value)
		}
		e.known.AddURL(e.URL)
		e.Token.Tell(e.known)
		if base, err := url.Parse(e.URL); err == nil {
			if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base}); err == nil && proxy != nil {
				e.known.AddURL(proxy.String())
			}
		}
	})
	return e.known
}

// CleanError is an error that may quote the server, without what is secret.
func (e *Endpoint) CleanError(err error) error {
	if err == nil || err.Error() == e.CleanName(err.Error()) {
		return err
	}
	return &quoting{e.CleanName(err.Error()), err}
}

// A quoting error has a text that may be shown.
type quoting struct {
	text string
	err  error
}

func (q *quoting) Error() string { return q.text }
func (q *quoting) Unwrap() error { return q.err }

// A cleaner removes secrets from the ids and names in the chunks of one answer, which are
// the same in each chunk.
type cleaner struct {
	endpoint *Endpoint
	raw      [4]string // as it last came
	replaced [4]string
}

func (k *cleaner) clean(c *harness.Chunk) {
	for i, field := range []*string{&c.RequestID, &c.Model, &c.Finish, &c.Replica} {
		if *field == "" {
			continue
		}
		if k.raw[i] != *field {
			k.raw[i], k.replaced[i] = *field, k.endpoint.CleanName(*field)
		}
		*field = k.replaced[i]
	}
}

// Excerpt is the first text that says something, in one line.
func Excerpt(texts ...string) string {
	for _, s := range texts {
		if s = plain.Line(s[:min(len(s), limit.Stray)]); s == "" {
			continue
		}
		if len(s) > limit.Words {
			s = strings.ToValidUTF8(s[:limit.Words], "") + "…"
		}
		return s
	}
	return ""
}
