package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var head = []byte("POST / HTTP/1.1\r\nHost: test\r\n")

// saying is a pool of connections to a server that answers every request with
// the same pieces, one write each, and then closes the connection.
func saying(pieces ...string) *Pool {
	return &Pool{Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			request, err := http.ReadRequest(bufio.NewReader(far))
			if err != nil {
				return
			}
			io.Copy(io.Discard, request.Body)
			for _, piece := range pieces {
				if _, err := io.WriteString(far, piece); err != nil {
					return
				}
			}
		}()
		return near, nil
	}}
}

// whole reads an answer to its end.
func whole(p *Pool) (status int, body string, err error) {
	a, err := p.Ask(context.Background(), head, []byte("{}"))
	if err != nil {
		return 0, "", err
	}
	defer a.Close()
	for {
		piece, err := a.Next()
		body += string(piece)
		if err == io.EOF {
			return a.Status, body, nil
		}
		if err != nil {
			return a.Status, body, err
		}
	}
}

func TestAnswer_endsWhereItsHeadSays(t *testing.T) {
	for name, c := range map[string]struct {
		said, body string
		status     int
	}{
		"length":             {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", "hello", 200},
		"length twice":       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-length: 5\r\n\r\nhello", "hello", 200},
		"no length":          {"HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", 200},
		"chunks":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n6 ;a=b\r\n world\r\n0\r\n\r\n", "hello world", 200},
		"chunks and length":  {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", 200},
		"a trailer":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Took: 1\r\n\r\n", "x", 200},
		"no body":            {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "", 204},
		"empty":              {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200},
		"no reason":          {"HTTP/1.1 503\r\nContent-Length: 1\r\n\r\nx", "x", 503},
		"bare line feeds":    {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", "x", 200},
		"HTTP/1.0":           {"HTTP/1.0 200 OK\r\n\r\nold", "old", 200},
		"informed before":    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200},
		"a long field":       {"HTTP/1.1 200 OK\r\nContent-Security-Policy: " + strings.Repeat("x", 20_000) + "\r\nContent-Length: 1\r\n\r\nx", "x", 200},
		"more than a buffer": {"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("x", 10_000), strings.Repeat("x", 10_000), 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := saying(c.said)
			defer p.Close()
			status, body, err := whole(p)
			require.NoError(t, err)
			assert.Equal(t, c.status, status)
			assert.Equal(t, c.body, body)
		})
	}
}

func TestAnswer_malformed(t *testing.T) {
	for name, c := range map[string]struct{ said, says string }{
		"no HTTP":          {"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"},
		"HTTP/2":           {"HTTP/2 200 OK\r\n\r\n", "no HTTP/1.1"},
		"no status":        {"HTTP/1.1 2x0 OK\r\n\r\n", "no status"},
		"a long status":    {"HTTP/1.1 2000 OK\r\n\r\n", "no HTTP/1.1"},
		"another protocol": {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "another protocol"},
		"no colon":         {"HTTP/1.1 200 OK\r\nhello\r\n\r\n", "no field"},
		"a folded field":   {"HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n", "no field"},
		"negative length":  {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "length of the answer"},
		"signed length":    {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", "length of the answer"},
		"endless length":   {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "length of the answer"},
		"two lengths":      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "length of the answer"},
		"compressed":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "not asked for"},
		"old chunks":       {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0"},
		"a chunk's length": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "no length of a chunk"},
		"a negative chunk": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "no length of a chunk"},
		"an endless chunk": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "no length of a chunk"},
		"a chunk too long": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n", "after its end"},
		"a huge field":     {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 100_000), "longer than 65536 bytes"},
		"a huge head":      {"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20_000), "longer than 65536 bytes"},
		"much before":      {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10_000), "longer than 65536 bytes"},
		"a huge trailer":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 20_000), "longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := saying(c.said)
			defer p.Close()
			_, _, err := whole(p)
			var malformed Malformed
			require.ErrorAs(t, err, &malformed)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAnswer_thatBreaksOffIsNone(t *testing.T) {
	const said = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n"
	for end := range said {
		p := saying(said[:end])
		_, body, err := whole(p)
		require.Error(t, err, "%q", said[:end])
		assert.ErrorContains(t, err, map[bool]string{true: "without an answer", false: "in the middle of its answer"}[end == 0])
		assert.True(t, strings.HasPrefix("hello", body))
		p.Close()
	}
}

func TestAnswer_piecesMayEndAnywhere(t *testing.T) {
	const said = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n00A\r\n, you ther\r\n1\r\ne\r\n0\r\nA: b\r\n\r\n"
	for first := 1; first < len(said); first++ {
		p := saying(said[:first], said[first:])
		_, body, err := whole(p)
		require.NoError(t, err, "cut at %d", first)
		assert.Equal(t, "hello, you there", body, "cut at %d", first)
		p.Close()
	}
	p := saying(strings.Split(said, "")...)
	defer p.Close()
	_, body, err := whole(p)
	require.NoError(t, err)
	assert.Equal(t, "hello, you there", body)
}
