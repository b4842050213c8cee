package http1

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wholeOf is an answer as a server should give it, and forged one that it gives unasked.
func wholeOf(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// toTheBuffer is an answer that ends where the connection's buffer does, so that what comes
// right after it is left in the one below.
func toTheBuffer() string {
	head := wholeOf(strings.Repeat("x", bufferSize))
	return wholeOf(strings.Repeat("x", bufferSize-(len(head)-bufferSize)))
}

// Ways to answer before one was asked. Each connection gets so many requests.
var unaskedAnswers = map[string]func(conn net.Conn, said func()){
	"in the same write": func(conn net.Conn, said func()) {
		readOne(conn)
		io.WriteString(conn, toTheBuffer()+wholeOf("forged"))
		said()
	},
	"in a write of its own": func(conn net.Conn, said func()) {
		readOne(conn)
		io.WriteString(conn, wholeOf("right"))
		io.WriteString(conn, wholeOf("forged"))
		said()
	},
	"and then it closes": func(conn net.Conn, said func()) {
		readOne(conn)
		io.WriteString(conn, wholeOf("right"))
		io.WriteString(conn, wholeOf("forged"))
		conn.(interface{ CloseWrite() error }).CloseWrite()
		said()
	},
}

func readOne(conn net.Conn) { http.ReadRequest(bufio.NewReader(conn)) }

// securely makes a pool speak TLS with a server whose connections it hands over.
func securely(t *testing.T, serve func(net.Conn)) *Pool {
	certified := httptest.NewTLSServer(nil)
	t.Cleanup(certified.Close)
	config := certified.TLS.Clone()
	config.NextProtos = nil
	p, _ := serving(t, func(conn net.Conn) {
		secured := tls.Server(conn, config)
		if secured.Handshake() == nil {
			serve(secured)
		}
	})
	p.TLS = &tls.Config{InsecureSkipVerify: true}
	return p
}

// TestEarly_unaskedBytesAreNoAnswer has a server that answers a second request before it is
// sent: over the same connection it must not be taken for the answer to that.
func TestEarly_unaskedBytesAreNoAnswer(t *testing.T) {
	for name, answer := range unaskedAnswers {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", TLS ", secure), func(t *testing.T) {
				said := make(chan struct{}, 9)
				serve := func(conn net.Conn) {
					answer(conn, func() { said <- struct{}{} })
					io.Copy(io.Discard, conn)
				}
				var p *Pool
				if secure {
					p = securely(t, serve)
				} else {
					p, _ = serving(t, serve)
				}
				for range 3 {
					_, body, err := whole(p)
					require.NoError(t, err)
					assert.NotEqual(t, "forged", body)
					<-said
				}
			})
		}
	}
}

// TestEarly_connectionThatSpeaksFirstIsMalformed has a server that answers every connection as
// soon as it is made. Only that it takes no request may be said so early.
func TestEarly_connectionThatSpeaksFirstIsMalformed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, status := range []int{200, 204, 503} {
			serve := func(conn net.Conn) {
				fmt.Fprintf(conn, "HTTP/1.1 %d Early\r\nContent-Length: 0\r\n\r\n", status)
				io.Copy(io.Discard, conn)
			}
			p, _ := serving(t, serve)
			if secure {
				p = securely(t, serve)
			}
			c, _, err := p.connect(t.Context())
			require.NoError(t, err)
			require.Eventually(t, func() bool { said, _ := c.unasked(); return said }, 5*time.Second, time.Millisecond)
			answer, err := c.ask(t.Context(), head, nil)
			if status == 503 {
				require.NoError(t, err)
				assert.Equal(t, status, answer.Status)
				continue
			}
			wrong, malformed := errors.AsType[Malformed](err)
			require.True(t, malformed, err)
			assert.Contains(t, wrong.Error(), "before it was asked")
		}
	}
}

// TestEarly_sessionTicketsAreNoAnswers has a server that sends session tickets, of which TLS takes care:
// connections that are idle meanwhile are used again.
func TestEarly_sessionTicketsAreNoAnswers(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	opened := 0
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened++ // by one goroutine: the listener's
		}
	}
	server.StartTLS()
	p := &Pool{Address: server.Listener.Addr().String(), TLS: &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(8)}}
	for range 5 {
		_, body, err := whole(p)
		require.NoError(t, err)
		assert.Equal(t, "hello", body)
	}
	p.Close()
	server.Close()
	assert.Equal(t, 1, opened)
}

// TestHead_fieldIsBounded has fields that are kept beyond what is kept of one.
func TestHead_fieldIsBounded(t *testing.T) {
	for _, name := range []string{"Content-Type", "Content-Encoding", "Location", "X-Request-Id"} {
		for _, long := range []int{1 << 10, 1<<10 + 1} {
			_, _, err := reading("HTTP/1.1 200 OK\r\n"+name+": "+strings.Repeat("x", long)+"\r\nContent-Length: 0\r\n\r\n", 4096)
			if long == 1<<10 {
				require.NoError(t, err, name)
				continue
			}
			_, malformed := errors.AsType[Malformed](err)
			assert.True(t, malformed, err)
			assert.ErrorContains(t, err, name+" of the answer's head has 1025 bytes; at most 1024 are read")
		}
	}
}
