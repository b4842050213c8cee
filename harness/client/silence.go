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
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http/httpguts"
)

// probeTimeout bounds one probe of the protocol that a server speaks.
const probeTimeout = 3 * time.Second

// ofSilence explains a server that accepts a connection and closes it without an answer, or
// gives none: many that speak TLS do so when they are asked without it, or the other way
// round. It probes the server before it says so.
func (e *Endpoint) ofSilence(err error) string {
	silent := isTimeout(err) && !isDialling(err)
	if !silent && !endsAtOnce(err) || e.base == nil || e.Transport != nil || e.Dial == nil && proxied(e.base) {
		return ""
	}
	speaks := e.speaksTLS
	found, other := "it speaks TLS; write https:// in "+e.Settings.address(), "TLS"
	if e.base.Scheme == "https" {
		speaks, found, other = e.speaksPlainly, "it does not speak TLS; write http:// in "+e.Settings.address(), "HTTP without TLS"
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	if speaks(ctx) {
		return found
	}
	if silent {
		return "" // it may only be slow
	}
	return fmt.Sprintf("something listens there and closes the connection at once, and it does not speak %s either; is the port of %s vLLM's? Else look at its log", other, e.Settings.address())
}

// endsAtOnce reports whether a connection was made and ended without an answer.
func endsAtOnce(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		strings.Contains(err.Error(), "server closed idle connection")
}

// isDialling reports whether the connection failed before TLS began.
func isDialling(err error) bool {
	opened, ok := errors.AsType[*net.OpError](err)
	return ok && opened.Op == "dial"
}

// connect makes a connection for a probe.
func (e *Endpoint) connect(ctx context.Context) (net.Conn, error) {
	host, err := httpguts.PunycodeHostPort(e.base.Host)
	if err != nil {
		return nil, err
	}
	dial := e.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", withPort(host, e.base))
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(probeTimeout))
	}
	return conn, err
}

// speaksTLS reports whether a server answers the first message of TLS with one of TLS.
// Nothing secret is sent, so its certificate does not matter.
func (e *Endpoint) speaksTLS(ctx context.Context) bool {
	conn, err := e.connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	heard := &firstByte{Conn: conn}
	_ = tls.Client(heard, &tls.Config{InsecureSkipVerify: true, ServerName: e.base.Hostname()}).HandshakeContext(ctx)
	const handshake, alert = 22, 21
	return heard.first == handshake || heard.first == alert
}

// speaksPlainly reports whether a server answers HTTP without TLS. A server that does
// speak TLS may have an answer for that: 400.
func (e *Endpoint) speaksPlainly(ctx context.Context) bool {
	conn, err := e.connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", e.base.Host)
	start := make([]byte, len("HTTP/1.1 400"))
	n, _ := io.ReadFull(conn, start)
	return n == len(start) && bytes.HasPrefix(start, []byte("HTTP/1.")) && !bytes.HasSuffix(start, fmt.Appendf(nil, "%d", http.StatusBadRequest))
}

// A firstByte is a connection that keeps the first byte that came.
type firstByte struct {
	net.Conn
	first byte
}

func (f *firstByte) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if n > 0 && f.first == 0 {
		f.first = p[0]
	}
	return n, err
}
