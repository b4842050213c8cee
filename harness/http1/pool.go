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

	"github.com/vllmspec/vllmspec/harness/stamp"
)

// How long a connection is kept that nobody uses. vLLM closes one 5 s after an
// answer; a new one waits for its first request at most servers for a minute.
const (
	keepUsed  = 4 * time.Second
	keepFresh = 30 * time.Second
)

// connectTimeout bounds the making of one connection.
const connectTimeout = 10 * time.Second

// A Pool asks one server, over connections that it keeps. Its fields must not
// change once it was used.
type Pool struct {
	Address string                                                               // host:port
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
	TLS     *tls.Config                                                          // nil: in the clear

	mu       sync.Mutex
	idle     []*conn // the one used last at the end
	busy     int
	filling  bool // a spare connection is being made
	closed   bool
	spare    context.Context // of the making of spare connections; nil: none are made
	end      context.CancelFunc
	sweeping *time.Timer // nil: nothing to sweep
}

// Times are how long the parts of making a connection took, within a request.
type Times struct {
	Connecting time.Duration // all of it; Never where a connection was there
	Resolving  time.Duration // the name's address; Never where it was none
	Securing   time.Duration // TLS; Never where it was none
}

// Never is the length of something that did not happen.
const Never time.Duration = -1

// A ConnectError is that of a connection which could not be made.
type ConnectError struct{ Err error }

func (e *ConnectError) Error() string { return e.Err.Error() }

// Unwrap is what went wrong.
func (e *ConnectError) Unwrap() error { return e.Err }

// Ask sends a request: what stands before its length, and its body. The answer's
// head has come when it returns. The answer must be closed; ending the context
// closes its connection at once.
func (p *Pool) Ask(ctx context.Context, head, body []byte) (*Answer, error) {
	for {
		c := p.take()
		times := Times{Never, Never, Never}
		if c == nil {
			var err error
			if c, times, err = p.connect(ctx); err != nil {
				p.drop(nil)
				return nil, cmp.Or(ctx.Err(), err)
			}
		}
		answer, err := c.ask(ctx, head, body)
		if err == nil {
			answer.Times = times
			return answer, nil
		}
		again := c.used && c.unheard(err)
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
		if now.Before(c.until) && !c.spoilt() {
			p.fill()
			return c
		}
		c.close()
	}
	p.fill()
	return nil
}

// put takes a connection back whose answer was read to its end.
func (p *Pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	c.used = true
	p.keep(c, keepUsed)
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

// connecting is how many connections are made at a time beforehand.
const connecting = 32

// Warm makes connections until so many are idle, and from then on keeps a few
// idle ones more than are used. It returns the first error.
func (p *Pool) Warm(ctx context.Context, n int) error {
	p.mu.Lock()
	if p.spare == nil {
		p.spare, p.end = context.WithCancel(context.Background())
	}
	missing := n - len(p.idle)
	p.mu.Unlock()
	var making sync.WaitGroup
	var once sync.Once
	var wrong error
	turns := make(chan struct{}, connecting)
	going, stop := context.WithCancel(ctx)
	defer stop()
	for range missing {
		turns <- struct{}{}
		if going.Err() != nil {
			break
		}
		making.Go(func() {
			defer func() { <-turns }()
			if err := p.add(going); err != nil {
				once.Do(func() { wrong = err; stop() })
			}
		})
	}
	making.Wait()
	return cmp.Or(ctx.Err(), wrong)
}

// add makes one idle connection.
func (p *Pool) add(ctx context.Context) error {
	c, _, err := p.connect(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keep(c, keepFresh)
	return nil
}

// fill sees to it that some connections are spare, while others are used. A
// server that refuses them will tell the request that needs one.
func (p *Pool) fill() {
	if wanted := min(1+p.busy/16, connecting); p.spare == nil || p.filling || p.closed || p.busy == 0 || len(p.idle) >= wanted {
		return
	}
	p.filling = true
	go func() {
		err := p.add(p.spare)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.filling = false; err == nil {
			p.fill()
		}
	}()
}

// connect makes a connection.
func (p *Pool) connect(ctx context.Context) (*conn, Times, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	times := Times{Never, Never, Never}
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
		secured := tls.Client(stamps, p.TLS)
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
