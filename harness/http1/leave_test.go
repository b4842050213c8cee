package http1

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

// lateEnd answers every request of a connection, but for the end, which comes later.
func lateEnd(after time.Duration, end string) func(net.Conn) {
	return func(conn net.Conn) {
		for requests := bufio.NewReader(conn); ; {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
			io.WriteString(conn, begun)
			time.Sleep(after)
			io.WriteString(conn, end)
		}
	}
}

// piped dials a server that is a pipe away.
func piped(serve func(net.Conn)) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { defer far.Close(); serve(far) }()
		return near, nil
	}
}

// left asks once and leaves the answer when its only piece has come.
func left(t *testing.T, p *Pool, within time.Duration) {
	t.Helper()
	a, err := p.Ask(t.Context(), head, nil)
	require.NoError(t, err)
	piece, err := a.Next()
	require.NoError(t, err)
	require.Equal(t, "hello", string(piece))
	a.Within(time.Millisecond)
	_, err = a.Next()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	a.Leave(within)
}

func TestLeave_givesTheConnectionBackWhenTheAnswerEnds(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		end   string
		want  int
	}{
		"the end comes late":  {40 * time.Millisecond, "0\r\n\r\n", 1},
		"it never comes":      {time.Hour, "", 3},
		"it comes too late":   {2 * time.Second, "0\r\n\r\n", 3},
		"something else does": {40 * time.Millisecond, "oops\r\n", 3},
		"so does more":        {40 * time.Millisecond, "3\r\nand\r\n0\r\n\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := 0
				p := &Pool{Dial: piped(func(conn net.Conn) { opened++; lateEnd(c.after, c.end)(conn) })}
				for range 3 {
					left(t, p, time.Second)
					time.Sleep(1500 * time.Millisecond)
				}
				p.Close()
				time.Sleep(2 * time.Hour)
				assert.Equal(t, c.want, opened)
			})
		})
	}
}

// TestLeave_waitsForNothing has a server that never ends its answers.
func TestLeave_waitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pool{Dial: piped(lateEnd(time.Hour, ""))}
		began := time.Now()
		left(t, p, time.Second)
		assert.Equal(t, time.Millisecond, time.Since(began), "what Within allowed")
		p.Close()
		time.Sleep(2 * time.Hour)
	})
}

func TestKeepAlive_noLongerThanTheServers(t *testing.T) {
	for field, keeps := range map[string]time.Duration{
		"":                                   keepUsed,
		"Keep-Alive: timeout=5\r\n":          keepUsed,
		"Keep-Alive: timeout=3, max=100\r\n": 2 * time.Second,
		"keep-alive: max=99,timeout=2\r\n":   time.Second,
		"Keep-Alive: timeout=\"1\"\r\n":      500 * time.Millisecond,
		"Keep-Alive: timeout=60\r\n":         keepUsed,
		"Keep-Alive: timeout=soon\r\n":       keepUsed,
		"Keep-Alive: timeout=0\r\n":          0,
		"Keep-Alive: timeout=5, max=0\r\n":   0,
	} {
		t.Run(field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opened := 0
				said := fmt.Sprintf("HTTP/1.1 200 OK\r\n%sContent-Length: 5\r\n\r\nhello", field)
				p := &Pool{Dial: piped(func(conn net.Conn) { opened++; answering(said, 9)(conn) })}
				defer p.Close()
				for _, pause := range []time.Duration{0, keeps - time.Millisecond, keeps + time.Millisecond} {
					time.Sleep(pause)
					_, _, err := whole(p)
					require.NoError(t, err)
				}
				if keeps == 0 {
					assert.Equal(t, 3, opened)
				} else {
					assert.Equal(t, 2, opened)
				}
			})
		})
	}
}

func TestAnswer_interimResponsesAreNotIt(t *testing.T) {
	p := saying("HTTP/1.1 103 Early Hints\r\nConnection: close\r\nContent-Type: a/b\r\nLocation: /x\r\nKeep-Alive: timeout=0\r\n\r\n" +
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: br\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n")
	defer p.Close()
	a, err := p.Ask(t.Context(), head, nil)
	require.NoError(t, err)
	defer a.Close()
	assert.Equal(t, "gzip,br", a.Encoding)
	assert.Empty(t, a.Location+a.ContentType)
	assert.False(t, a.closeRequested)
	assert.Equal(t, keepUsed, a.idle())
}
