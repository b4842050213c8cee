package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serving is a pool of TCP connections to a server.
func serving(t *testing.T, serve func(net.Conn)) (p *Pool, opened *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	opened = new(atomic.Int32)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			opened.Add(1)
			go func() { defer conn.Close(); serve(conn) }()
		}
	}()
	p = &Pool{Address: listener.Addr().String()}
	t.Cleanup(func() { listener.Close(); p.Close() })
	return p, opened
}

// answering answers so many requests with the same words.
func answering(said string, times int) func(net.Conn) {
	return func(conn net.Conn) {
		requests := bufio.NewReader(conn)
		for range times {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
			io.WriteString(conn, said)
		}
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

func TestPool_usesAConnectionAgain(t *testing.T) {
	for said, want := range map[string]int32{
		hello: 1,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: foo, Close\r\n\r\nhello":      3,
		"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello":                                3,
		"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello":      1,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n":     1,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore": 3,
	} {
		p, opened := serving(t, answering(said, 9))
		for range 3 {
			_, body, err := whole(p)
			require.NoError(t, err)
			assert.Equal(t, "hello", body)
		}
		assert.Equal(t, want, opened.Load(), said)
	}
}

// TestPool_serverMayCloseAnIdleConnection has a server that closes every connection
// after one answer without saying so beforehand.
func TestPool_usesAConnectionAgainAfterALongRequest(t *testing.T) {
	p, opened := serving(t, answering(hello, 99))
	for range 40 {
		answer, err := p.Ask(t.Context(), []byte("POST / HTTP/1.1\r\nHost: x\r\n"), make([]byte, 100_000))
		require.NoError(t, err)
		for err == nil {
			_, err = answer.Next()
		}
		require.ErrorIs(t, err, io.EOF)
		answer.Close()
	}
	assert.LessOrEqual(t, opened.Load(), int32(20), "one, but for writers that on a loaded machine have not told of their end yet")
}

// TestPool_usesAConnectionAgainAfterALongAnswer has answers that made its buffer grow.
func TestPool_usesAConnectionAgainAfterALongAnswer(t *testing.T) {
	flood := strings.Repeat("x", 300_000)
	for name, said := range map[string]string{
		"a long head": "HTTP/1.1 200 OK\r\nX-Long: " + flood[:20_000] + "\r\nContent-Length: 5\r\n\r\nhello",
		"a long body": fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(flood), flood),
	} {
		p, opened := serving(t, answering(said, 9))
		for range 3 {
			_, body, err := whole(p)
			require.NoError(t, err, name)
			assert.True(t, strings.HasSuffix(said, body), name)
			assert.NotEmpty(t, body)
		}
		assert.EqualValues(t, 1, opened.Load(), name)
	}
}

func TestPool_serverMayCloseAnIdleConnection(t *testing.T) {
	closed := make(chan struct{}, 9)
	p, opened := serving(t, func(conn net.Conn) {
		answering(hello, 1)(conn)
		conn.Close()
		closed <- struct{}{}
	})
	for range 3 {
		_, _, err := whole(p)
		require.NoError(t, err)
		<-closed
	}
	assert.EqualValues(t, 3, opened.Load())
}

// TestRetry_requestThatWasNotHeard has a request on its way while the server
// closes the connection: what we see before sending cannot help.
func TestRetry_requestThatWasNotHeard(t *testing.T) {
	closed := make(chan struct{}, 1)
	p, _ := serving(t, func(conn net.Conn) {
		answering(hello, 1)(conn)
		conn.Close()
		closed <- struct{}{}
	})
	_, _, err := whole(p)
	require.NoError(t, err)
	<-closed
	c := p.idle[0] // taken without a look at it
	if c.socket.unconfirmed() != 0 || !c.stale() {
		t.Skip("this system does not tell what a peer has confirmed; to run this test: Linux")
	}
	_, err = c.ask(t.Context(), head, []byte("{}"))
	require.Error(t, err)
	assert.True(t, c.retryable(err), err)
}

func TestRetry_notOfARequestThatWasHeard(t *testing.T) {
	var asked atomic.Int32
	for name, hangUp := range map[string]func(*net.TCPConn){
		"closed": func(*net.TCPConn) {},
		"reset":  func(conn *net.TCPConn) { conn.SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			p, _ := serving(t, func(conn net.Conn) {
				answering(hello, 1)(conn)
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					asked.Add(1)
					hangUp(conn.(*net.TCPConn))
				}
			})
			_, _, err := whole(p)
			require.NoError(t, err)
			_, _, err = whole(p)
			require.Error(t, err, "the server took the request and hung up: that is its failure")
			assert.EqualValues(t, 1, asked.Load())
			assert.NotErrorIs(t, err, syscall.EPIPE)
		})
	}
}

func TestPool_givesIdleConnectionsUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		p := &Pool{}
		p.Dial = func(context.Context, string, string) (net.Conn, error) {
			opened++
			near, far := net.Pipe()
			go answering(hello, 9)(far)
			return near, nil
		}
		defer p.Close()
		ask := func() {
			_, _, err := whole(p)
			require.NoError(t, err)
			synctest.Wait()
		}
		ask()
		time.Sleep(keepUsed - time.Second)
		ask()
		assert.Equal(t, 1, opened)
		time.Sleep(keepUsed)
		ask()
		assert.Equal(t, 2, opened, "the server would close it a second later")
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Empty(t, p.idle, "nothing is kept that nobody uses")
	})
}

func TestPool_closesTheConnectionWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		go func() {
			answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", 1)(far)
			_, err := far.Read(make([]byte, 1))
			assert.Equal(t, io.EOF, err)
			assert.Equal(t, time.Minute, time.Since(began))
		}()
		a, err := p.Ask(ctx, head, nil)
		require.NoError(t, err)
		piece, err := a.Next()
		require.NoError(t, err)
		assert.Equal(t, "he", string(piece))
		_, err = a.Next()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		a.Close()
		a.Close()
		assert.Empty(t, p.idle)
		assert.Zero(t, p.busy)
	})
}

// TestHead_maySentSlowly has one byte come each second, and a client that
// waits for less than all of them.
func TestHead_maySentSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				http.ReadRequest(bufio.NewReader(far))
				for i := range hello {
					time.Sleep(time.Second)
					if _, err := io.WriteString(far, hello[i:i+1]); err != nil {
						return
					}
				}
			}()
			return near, nil
		}}
		defer p.Close()
		began := time.Now()
		a, err := p.Ask(t.Context(), head, nil)
		require.NoError(t, err)
		at, _ := a.Last()
		assert.Equal(t, time.Duration(len(hello)-len("hello"))*time.Second, at.Sub(began))
		a.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = p.Ask(ctx, head, nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute) // the server notices
	})
}

// TestAnswer_mayComeBeforeALongRequestIsRead has a server that does not read it.
func TestAnswer_mayComeBeforeALongRequestIsRead(t *testing.T) {
	p, _ := serving(t, func(conn net.Conn) {
		io.WriteString(conn, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n")
		conn.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, conn)
	})
	a, err := p.Ask(t.Context(), head, make([]byte, 32<<20))
	require.NoError(t, err)
	assert.Equal(t, 413, a.Status)
	a.Close()
}

func TestPool_opensConnectionsBeforeTheyAreNeeded(t *testing.T) {
	p, opened := serving(t, answering(hello, 9))
	require.NoError(t, p.Warm(t.Context(), 50, nil))
	assert.Len(t, p.idle, 50)
	require.NoError(t, p.Warm(t.Context(), 20, nil))
	assert.Len(t, p.idle, 50)
	for range 50 {
		a, err := p.Ask(t.Context(), head, nil)
		require.NoError(t, err)
		assert.Equal(t, Times{NoTime, NoTime, NoTime}, a.Times)
		defer a.Close()
	}
	assert.GreaterOrEqual(t, opened.Load(), int32(50))
}

func TestPool_spareConnectionsFollowThoseInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { defer far.Close(); answering(hello, 9)(far) }()
			return near, nil
		}}
		require.NoError(t, p.Warm(t.Context(), 100, nil))
		time.Sleep(2 * keepFresh)
		synctest.Wait()
		assert.Empty(t, p.idle, "not needed")
		var held []*Answer
		for i := range 40 {
			a, err := p.Ask(t.Context(), head, nil)
			require.NoError(t, err)
			if i > 0 {
				assert.Equal(t, NoTime, a.Times.Connecting)
			}
			held = append(held, a)
			synctest.Wait() // a spare one is made meanwhile
		}
		assert.Len(t, p.idle, 3)
		for _, a := range held {
			a.Close()
		}
		p.Close()
		time.Sleep(time.Hour)
		assert.Empty(t, p.idle)
	})
}

func TestWarm_saysWhatPreventsIt(t *testing.T) {
	p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, fmt.Errorf("no: %w", syscall.EMFILE)
	}}
	defer p.Close()
	err := p.Warm(t.Context(), 100, nil)
	var connecting *ConnectError
	require.ErrorAs(t, err, &connecting)
	require.ErrorIs(t, err, syscall.EMFILE)
	_, err = p.Ask(t.Context(), head, nil)
	require.ErrorIs(t, err, syscall.EMFILE)
	assert.Zero(t, p.busy)
}
