package http1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/stamp"
)

// A script is a connection whose other side says what was written down
// beforehand, so many bytes at a time.
type script struct {
	net.Conn // nothing of it is there
	left     string
	step     int
}

func (s *script) Read(p []byte) (int, error) {
	n := copy(p, s.left[:min(s.step, len(s.left))])
	s.left = s.left[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) Write(p []byte) (int, error) { return len(p), nil }
func (s *script) Close() error                { return nil }

func reading(said string, step int) (status int, body string, err error) {
	p := &Pool{Dial: func(context.Context, string, string) (net.Conn, error) { return &script{left: said, step: step}, nil }}
	defer p.Close()
	return whole(p)
}

// theirs is what net/http makes of it.
func theirs(said string) (status int, body string, err error) {
	from := bufio.NewReader(strings.NewReader(said))
	for {
		response, err := http.ReadResponse(from, &http.Request{Method: http.MethodPost})
		if err != nil {
			return 0, "", err
		}
		if response.StatusCode >= 200 {
			raw, err := io.ReadAll(response.Body)
			return response.StatusCode, string(raw), err
		}
	}
}

// FuzzAnswer holds the reader to two promises: whatever a server says, it matters
// nothing where the pieces of it end; and where we make an answer of it that
// net/http takes for one too, it is the same.
func FuzzAnswer(f *testing.F) {
	for _, said := range []string{
		hello,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n00A\r\n, you ther\r\n1\r\ne\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end",
		"HTTP/1.0 200 OK\nConnection: keep-alive, close\nContent-Length: 3\n\nabc",
		"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\nx",
		"HTTP/1.1 304\r\n\r\n", "HTTP/1.1 101 x\r\n\r\n", "HTTP/1.1 200 OK\r\n a: b\r\n\r\n", "\r\n",
	} {
		f.Add(said, 1)
		f.Add(said, 7)
	}
	f.Fuzz(func(t *testing.T, said string, step int) {
		if step < 1 {
			step = 1
		}
		status, body, err := reading(said, step)
		otherStatus, otherBody, otherErr := reading(said, 1<<20)
		require.Equal(t, otherErr == nil, err == nil, "%v, %v", err, otherErr)
		assert.Equal(t, otherStatus, status)
		if err != nil {
			assert.NotEqual(t, io.EOF, err, "an end is no failure")
			return
		}
		assert.Equal(t, otherBody, body)
		if theirStatus, theirBody, err := theirs(said); err == nil {
			assert.Equal(t, theirStatus, status)
			assert.Equal(t, theirBody, body)
		}
	})
}

// A halting connection is a script whose other side pauses for longer than we wait,
// after every piece.
type halting struct {
	script
	pause bool
}

func (h *halting) Read(p []byte) (int, error) {
	if h.pause = !h.pause; h.pause {
		return 0, os.ErrDeadlineExceeded
	}
	return h.script.Read(p)
}

func (h *halting) SetReadDeadline(time.Time) error { return nil }

// FuzzPauses holds the reader of a body to what it is without pauses: an answer that
// is left is read on, and its connection is used again only where it truly ended.
func FuzzPauses(f *testing.F) {
	for _, body := range []string{"5;x\r\nhello\r\n00A\r\n, you ther\r\n1\r\ne\r\n0\r\nA: b\r\n\r\n", "0\r\n\r\n", "1\r\nx\r\n0\r\nA: b\r\n", "1\r\nxy\r\n"} {
		f.Add(body, 1)
		f.Add(body, 4)
	}
	f.Fuzz(func(t *testing.T, body string, step int) {
		const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		step = max(1, step)
		_, want, wrong := reading(head+body, step)
		said := &halting{script: script{left: head + body, step: step}}
		c := &conn{pool: new(Pool), net: said, stamps: stamp.New(said), buffer: make([]byte, bufferSize)}
		a := &Answer{c: c, ctx: t.Context(), left: none, keep: none, unhook: func() bool { return true }}
		c.w = copy(c.buffer, head)
		said.left = body
		require.NoError(t, a.readHead())
		got := ""
		for {
			piece, err := a.Next()
			if got += string(piece); err == nil {
				continue
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				if a.wrong = nil; a.reusable {
					continue
				}
				return // half of a trailer: it is given up
			}
			require.Equal(t, wrong == nil, err == io.EOF, "%v, %v", wrong, err)
			break
		}
		require.Equal(t, want, got)
	})
}
