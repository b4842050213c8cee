package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A crowd is a server that treats connections by how many are open, idle ones too.
type crowd struct {
	most   int
	beyond func(net.Conn, *bufio.Reader) // what it does with a request while there are more
	wait   time.Duration                 // for an answer

	mu         sync.Mutex
	open, peak int
}

func (s *crowd) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	s.count(+1)
	go func() {
		defer s.count(-1)
		defer far.Close()
		requests := bufio.NewReader(far)
		for {
			if _, err := requests.Peek(1); err != nil {
				return
			}
			if s.crowded() {
				s.beyond(far, requests)
				return
			}
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			if request.Method == http.MethodPost {
				time.Sleep(s.wait)
			}
			io.WriteString(far, hello)
		}
	}()
	return near, nil
}

func (s *crowd) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.peak = max(s.peak, s.open)
}

func (s *crowd) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open > s.most
}

// The ways in which servers keep connections out.
var (
	unavailable = func(conn net.Conn, requests *bufio.Reader) {
		http.ReadRequest(requests)
		io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	}
	silent = func(conn net.Conn, requests *bufio.Reader) { // it waits in a queue until another one closes
		http.ReadRequest(requests)
		io.Copy(io.Discard, conn)
	}
	hangUp = func(net.Conn, *bufio.Reader) {}
)

var probing = []byte("GET / HTTP/1.1\r\nHost: x\r\n")

func TestAhead_keepsNoMoreConnectionsThanAServerLetsIn(t *testing.T) {
	for name, test := range map[string]struct {
		beyond   func(net.Conn, *bufio.Reader)
		most, at int
		says     string
	}{
		"503":         {unavailable, 9, 4, "the server answered with status 503 while 10 connections of ours were open, and lets in 4"},
		"unheard":     {silent, 9, 4, "the server did not answer within 3s while 10 connections of ours were open, and lets in 4"},
		"hung up":     {hangUp, 9, 4, "the server broke one off"},
		"one at most": {silent, 1, 0, "while 4 connections of ours were open, and lets in 0"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &crowd{most: test.most, beyond: test.beyond}
				p := &Pool{Dial: s.dial}
				defer p.Close()
				_, _, err := whole(p) // as a preflight does
				require.NoError(t, err)
				err = p.Warm(t.Context(), 20, probing)
				var limit *LimitError
				require.ErrorAs(t, err, &limit)
				require.ErrorContains(t, err, test.says)
				assert.Equal(t, test.at, limit.Admitted)
				synctest.Wait()
				assert.LessOrEqual(t, s.open, test.most)
				_, _, err = whole(p)
				require.NoError(t, err, "the first request of the load")
				peak := s.peak
				require.NoError(t, p.Warm(t.Context(), 20, probing), "of the next run")
				assert.Equal(t, peak, s.peak, "what is known is not tried again")
			})
		})
	}
}

// TestAhead_loadAtTheServersLimitFailsNowhere has requests in flight up to the
// very bound: a spare connection more would be one too many.
func TestAhead_loadAtTheServersLimitFailsNowhere(t *testing.T) {
	for _, most := range []int{1, 2, 3, 5, 9, 17} {
		synctest.Test(t, func(t *testing.T) {
			s := &crowd{most: most, beyond: unavailable, wait: time.Second}
			p := &Pool{Dial: s.dial}
			defer p.Close()
			p.Warm(t.Context(), 20, probing)
			var asking sync.WaitGroup
			for range 4 * most {
				asking.Go(func() {
					answer, err := p.Ask(t.Context(), head, nil)
					if assert.NoError(t, err) {
						assert.Equal(t, 200, answer.Status)
						io.Copy(io.Discard, reader{answer})
						answer.Close()
					}
				})
				time.Sleep(time.Second/time.Duration(most) + time.Millisecond)
			}
			asking.Wait()
		})
	}
}

type reader struct{ *Answer }

func (r reader) Read(b []byte) (int, error) {
	piece, err := r.Next()
	return copy(b, piece), err
}

// TestAhead_endsWithARefusal has a server that has less room than it had before.
func TestAhead_endsWithARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &crowd{most: 50, beyond: unavailable}
		p := &Pool{Dial: s.dial}
		defer p.Close()
		require.NoError(t, p.Warm(t.Context(), 20, probing))
		s.mu.Lock()
		s.most = 3
		s.mu.Unlock()
		answer, err := p.Ask(t.Context(), head, nil)
		require.NoError(t, err)
		assert.Equal(t, 503, answer.Status)
		answer.Close()
		synctest.Wait()
		assert.Zero(t, s.open)
		_, _, err = whole(p)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, 1, s.open, "the one that was needed")
	})
}

// TestPool_farewellToAnIdleConnectionIsNoAnswer has a proxy that says 408 to a connection that
// was idle for too long, at the instant at which a request comes.
func TestPool_farewellToAnIdleConnectionIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			opened++
			say := hello
			if opened == 1 {
				say = "HTTP/1.0 408 Request Time-out\r\nConnection: close\r\n\r\n"
			}
			go func() { defer far.Close(); answering(say, 1)(far) }()
			return near, nil
		}}
		defer p.Close()
		require.NoError(t, p.Warm(t.Context(), 1, nil))
		_, body, err := whole(p)
		require.NoError(t, err)
		assert.Equal(t, "hello", body)
		assert.GreaterOrEqual(t, opened, 2)
	})
}

func TestPool_408ToAFreshConnectionIsAnAnswer(t *testing.T) {
	p, _ := serving(t, answering(strings.Replace(hello, "200 OK", "408 Request Timeout", 1), 1))
	answer, err := p.Ask(t.Context(), head, nil)
	require.NoError(t, err)
	assert.Equal(t, 408, answer.Status)
	answer.Close()
}

// TestAhead_connectionMayBeClosedByTheServer has one that closes them at once.
func TestAhead_connectionMayBeClosedByTheServer(t *testing.T) {
	first := make(chan struct{}, 1)
	first <- struct{}{}
	closed := make(chan struct{})
	p, _ := serving(t, func(conn net.Conn) {
		select {
		case <-first:
			conn.Close()
			close(closed)
		default:
			answering(hello, 9)(conn)
		}
	})
	require.NoError(t, p.open(t.Context(), 1))
	<-closed
	_, body, err := whole(p)
	require.NoError(t, err)
	assert.Equal(t, "hello", body)
}
