// Package http1 asks over HTTP/1.1 and hands an answer on piece by piece, as it
// arrives. It is for clients that measure: connections are there before they are
// needed, a request is one write, an answer is read into one small buffer that
// belongs to its connection, by the goroutine that asked, and nothing is made
// anew for a piece. What an answer may not be, it does not become: whatever is
// no HTTP/1.1 ends in [Malformed].
//
// It follows no redirects, keeps no cookies and speaks to no proxies.
package http1

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/internal/stamp"
)

// How long an idle connection is kept. vLLM closes one 5 s after an
// answer; a new one waits for its first request at most servers for a minute, but
// one that is not needed by then takes up a place at the server for nothing.
const (
	keepUsed  = 4 * time.Second
	keepFresh = 10 * time.Second
)

// connectTimeout bounds the making of one connection.
const connectTimeout = 10 * time.Second

// A Pool asks one server, over connections that it keeps. Its fields must not
// change once it was used.
type Pool struct {
	Address string                                                               // host:port
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
	TLS     *tls.Config                                                          // nil: in the clear
	Keep    []string                                                             // names of further fields of an answer's head that are kept

	mu       sync.Mutex
	idle     []*conn // the one used last at the end
	busy     int
	filling  bool // a spare connection is being made
	closed   bool
	admitted int             // connections that the server has let in at a time, as far as was tried
	limited  bool            // it let no more in: there is no use in trying again
	spare    context.Context // of the making of spare connections; nil: none are made
	end      context.CancelFunc
	sweeping *time.Timer // nil: nothing to sweep
}

// Times are how long the parts of making a connection took, within a request.
type Times struct {
	Connecting time.Duration // all of it; NoTime where a connection was there
	Resolving  time.Duration // the name's address; NoTime where it was none
	Securing   time.Duration // TLS; NoTime where it was none
}

// NoTime is the length of something that did not happen; it is [stamp.Unknown].
const NoTime = stamp.Unknown

// A ConnectError is that of a connection which could not be made.
type ConnectError struct{ Err error }

func (e *ConnectError) Error() string { return e.Err.Error() }

// Unwrap is what went wrong.
func (e *ConnectError) Unwrap() error { return e.Err }

// Ask sends a request: what stands before its length, and its body. The answer's
// head has come when it returns. The answer must be closed; ending the context
// closes its connection at once.
func (p *Pool) Ask(ctx context.Context, head, body []byte) (*Answer, error) {
	answer, err := p.ask(ctx, head, body)
	if err == nil && refusesMore(answer.Status) {
		p.withdraw()
	}
	return answer, err
}

// ask sends a request, again where the connection was closed before the request came there.
func (p *Pool) ask(ctx context.Context, head, body []byte) (*Answer, error) {
	for {
		c := p.take()
		times := Times{NoTime, NoTime, NoTime}
		if c == nil {
			var err error
			if c, times, err = p.connect(ctx); err != nil {
				p.drop(nil)
				return nil, cmp.Or(ctx.Err(), err)
			}
		}
		answer, err := c.ask(ctx, head, body)
		if err == nil && !(c.waited && answer.Status == requestTimeout) {
			answer.Times = times
			return answer, nil
		}
		again := c.waited && (err == nil || c.retryable(err))
		if err == nil {
			answer.unhook() // it was said to the idle connection, before the request came there
		}
		p.drop(c)
		if ended := ctx.Err(); ended != nil || !again {
			return nil, cmp.Or(ended, err)
		}
	}
}

// take is an idle connection that can be used, the one used last, or nil.
func (p *Pool) take() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy++
	now := time.Now()
	for len(p.idle) > 0 {
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if now.Before(c.until) && !c.stale() {
			c.waited = true
			p.fill()
			return c
		}
		c.close()
	}
	p.fill()
	return nil
}

// put takes a connection back whose answer was read to its end, for so long.
func (p *Pool) put(c *conn, long time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	p.keep(c, long)
}

func (p *Pool) keep(c *conn, long time.Duration) {
	if p.closed {
		c.close()
		return
	}
	c.until = time.Now().Add(long)
	p.idle = append(p.idle, c)
	if p.sweeping == nil {
		p.sweeping = time.AfterFunc(time.Second, p.sweep)
	}
}

// sweep closes what has been idle for too long.
func (p *Pool) sweep() {
	p.mu.Lock()
	now := time.Now()
	var old []*conn
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		expired := !now.Before(c.until)
		if expired {
			old = append(old, c)
		}
		return expired
	})
	if p.sweeping = nil; len(p.idle) > 0 && !p.closed {
		p.sweeping = time.AfterFunc(time.Second, p.sweep)
	}
	p.fill()
	p.mu.Unlock()
	for _, c := range old { // a request must not wait for this
		c.close()
	}
}

// drop gives up a connection whose answer did not end, or not well.
func (p *Pool) drop(c *conn) {
	if c != nil {
		c.close()
	}
	p.mu.Lock()
	p.busy--
	p.mu.Unlock()
}

// Close closes the connections that are idle now, and every other once its answer
// has ended.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweeping != nil {
		p.sweeping.Stop()
	}
	if p.end != nil {
		p.end()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

// connect makes a connection.
func (p *Pool) connect(ctx context.Context) (*conn, Times, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	times := Times{NoTime, NoTime, NoTime}
	began := time.Now()
	var mu sync.Mutex // a resolver may go on when the dialer has given it up
	var asked time.Time
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { mu.Lock(); asked = time.Now(); mu.Unlock() },
		DNSDone:  func(httptrace.DNSDoneInfo) { mu.Lock(); times.Resolving = time.Since(asked); mu.Unlock() },
	})
	dial := p.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(traced, "tcp", p.Address)
	if err != nil {
		return nil, times, &ConnectError{err}
	}
	stamps := stamp.New(raw)
	c := &conn{pool: p, net: stamps, stamps: stamps, buffer: make([]byte, bufferSize), socket: newSocket(raw)}
	c.cut = func() { raw.Close() }
	if p.TLS != nil {
		handshake := time.Now()
		c.gate = &gate{Conn: stamps, socket: c.socket}
		secured := tls.Client(c.gate, p.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, times, &ConnectError{err}
		}
		c.net, times.Securing = secured, time.Since(handshake)
	}
	mu.Lock()
	defer mu.Unlock()
	times.Connecting = time.Since(began)
	return c, times, nil
}
