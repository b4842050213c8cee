package openai

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/http1"
)

// failed gives an error of the connection its name.
func (c *Client) failed(ctx context.Context, err error) error {
	if asked, ok := errors.AsType[*harness.AskError](err); ok {
		return &harness.AskError{Failure: asked.Failure, HTTPStatus: asked.HTTPStatus, Err: errors.New(c.tell(asked.Err.Error()))}
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
	case errors.Is(err, syscall.ECONNREFUSED), isConnecting(err):
		failure = harness.Refused
	case isMalformed(err):
		failure = harness.Malformed
	}
	return &harness.AskError{Failure: failure, Err: errors.New(c.tell(err.Error()))}
}

// outOfSockets is what to do about a connection for which this machine has no
// means left, through no fault of the server's; "" where that is not so.
func outOfSockets(err error) string {
	is := func(number syscall.Errno) bool {
		// What looks names up tells of its errors in words only.
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

// isMalformed reports whether what came is no HTTP; net/http says so in words.
func isMalformed(err error) bool {
	_, ok := errors.AsType[http1.Malformed](err)
	return ok || strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "malformed MIME")
}

// refusesHTTP1 reports whether a server wants HTTP/2 and nothing else. The alert
// that says so (RFC 7301, section 3.2) has no type that could be asked for.
func refusesHTTP1(err error) bool {
	return strings.Contains(err.Error(), "tls: no application protocol")
}

// tell is as much of a text that came from elsewhere as a reader wants to see,
// without what is secret in it: that is taken out first, or half of it might stay.
func (c *Client) tell(s string) string { return firstOf(c.redact(s)) }

// redact takes what is secret out of a text that came from elsewhere.
func (c *Client) redact(s string) string {
	var secrets []string
	for _, h := range c.Headers {
		secrets = append(secrets, h.Value)
	}
	if base, err := url.Parse(c.URL); err == nil && base.User != nil {
		password, _ := base.User.Password()
		secrets = append(secrets, password, base.User.String(), base64.StdEncoding.EncodeToString([]byte(base.User.Username()+":"+password)))
	}
	return credentials.Redact(c.Token.Redact(s), secrets...)
}
