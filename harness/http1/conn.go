package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/stamp"
)

const (
	// bufferSize is how much of an answer is read at once: some twenty tokens.
	// There are as many such buffers as connections.
	bufferSize = 4 << 10
	// inlineWriteMax is how long a request may be that is written before its answer is
	// read: the system's own buffers take so much. Longer ones are written beside,
	// for a server that answers before it has read everything.
	inlineWriteMax = 64 << 10
)

// A conn is one connection. One goroutine uses it at a time.
type conn struct {
	pool   *Pool
	net    net.Conn    // TLS, or the one below
	stamps *stamp.Conn // below TLS
	gate   *gate       // between them; nil in the clear
	cut    func()      // closes what is below all, at once
	socket *socket     // nil where it is no socket

	buffer []byte
	r, w   int    // what is read and not used: buffer[r:w]
	peeked []byte // by a look at what was said unasked; nil: nothing
	until  time.Time
	waited bool // it was idle before the request: the server may have closed it meanwhile

	within  time.Duration // that the next reading may wait; 0: as before
	bounded bool          // there is a deadline for reading

	answer  Answer
	written chan error // of a request that is written beside; nil: of none
	heard   bool       // something of the answer came
	length  int        // of the request
}

func (c *conn) close() { c.cut() }

// errEarly is an answer to nothing: it must not be taken for that to a request which is
// sent later.
const errEarly = Malformed("the server sent something before it was asked: that is no answer")

// refuses reports whether a status may be said to a connection before anything is asked over
// it: that there are too many, or that it was idle for too long.
func refuses(status int) bool { return status >= http.StatusBadRequest }

// ask sends a request and reads the head of its answer.
func (c *conn) ask(ctx context.Context, head, body []byte) (*Answer, error) {
	c.heard = false
	early, _ := c.unasked()
	if early && c.waited {
		return nil, &unsentError{errEarly}
	}
	c.answer = Answer{c: c, ctx: ctx, left: none, keep: none, unhook: context.AfterFunc(ctx, c.cut)}
	c.written = nil
	c.within, c.bounded = 0, false
	if len(c.buffer) > bufferSize {
		c.buffer, c.r, c.w = make([]byte, bufferSize), 0, 0 // a long head had made it longer
	}
	request := c.buffer[:0] // nothing is in it yet
	if len(head)+len(body) > len(c.buffer)-32 {
		request = make([]byte, 0, len(head)+len(body)+32)
	}
	request = append(append(request, head...), "Content-Length: "...)
	request = append(strconv.AppendInt(request, int64(len(body)), 10), "\r\n\r\n"...)
	request = append(request, body...)
	c.length = len(request)
	sent := c.send(request)
	if err := c.answer.readHead(); err != nil {
		c.answer.unhook()
		if sent != nil && !c.heard {
			err = sent
		}
		return nil, err
	}
	arrived, _ := c.stamps.Last()
	before := c.answer.Sent.Sub(arrived)
	if (early || before > 0 && before < limit.ClockStep) && !refuses(c.answer.Status) {
		c.answer.unhook()
		return nil, errEarly
	}
	if sent != nil {
		c.answer.reusable = false
	}
	return &c.answer, nil
}

// send writes a request. The error is that of a request of which not all was
// written; there may be an answer to it nevertheless.
func (c *conn) send(request []byte) error {
	c.answer.Sent = time.Now()
	if len(request) > inlineWriteMax || c.socket == nil {
		written := make(chan error, 1)
		if c.written = written; len(request) <= len(c.buffer) {
			request = bytes.Clone(request) // the buffer is for the answer now
		}
		go func() {
			_, err := c.net.Write(request)
			written <- err
		}()
		return nil
	}
	n, err := c.net.Write(request)
	if err != nil && n == 0 {
		err = &unsentError{err}
	}
	return err
}

// sent reports whether the whole request was written, once its answer has come. A
// pipe's writer may know of it a moment later; a socket's that does not know yet
// is stuck, because the server answered without reading.
func (c *conn) sent() bool {
	if c.written == nil {
		return true
	}
	select {
	case err := <-c.written:
		return err == nil
	default:
	}
	if c.socket != nil {
		return false
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case err := <-c.written:
		return err == nil
	case <-timer.C:
		return false
	}
}

// An unsentError is that of a request of which nothing was written.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// stale reports whether an idle connection is of no more use: the other side has
// closed it, or has said something that was not asked for.
func (c *conn) stale() bool {
	said, closed := c.unasked()
	return said || closed
}

// unasked reports whether the other side has said something before it was asked, and whether
// it has closed the connection. TLS may have had something of its own to say: that is read
// now, and what is left is the server's.
func (c *conn) unasked() (said, closed bool) {
	if c.r < c.w || c.socket == nil {
		return c.r < c.w, false
	}
	now := c.socket.look()
	if c.gate == nil || now.closed {
		return now.readable && !now.closed, now.closed
	}
	if c.peeked == nil {
		c.gate.shut = true
		first := make([]byte, 1)
		n, err := c.net.Read(first)
		if c.gate.shut = false; n == 0 {
			return false, !errors.Is(err, errNothing)
		}
		c.peeked = first
	}
	return true, false
}

// retryable reports whether a server cannot have seen the request that failed: it
// had closed the connection before the request came there. Where that cannot be
// told, it is a failure like any other.
func (c *conn) retryable(err error) bool {
	var unsent *unsentError
	switch {
	case c.heard:
		return false
	case errors.As(err, &unsent), c.socket == nil && errors.Is(err, io.ErrClosedPipe):
		return true
	}
	// What closes a connection confirms all that had come over it; what comes
	// later is answered with a reset, and then the system says EPIPE.
	closed := errors.Is(err, errSilent) || errors.Is(err, syscall.EPIPE)
	return closed && c.socket != nil && c.socket.unconfirmed() >= c.length
}

// fill reads once. What stands in the buffer unused stays, and may make it grow.
func (c *conn) fill() error {
	switch {
	case c.r == c.w:
		c.r, c.w = 0, 0
	case c.w < len(c.buffer):
	case c.r > 0:
		c.w = copy(c.buffer, c.buffer[c.r:c.w])
		c.r = 0
	case len(c.buffer) >= limit.Head:
		return Malformed(fmt.Sprintf("a line of the answer's head is longer than %d bytes", limit.Head))
	default:
		c.buffer = append(c.buffer, make([]byte, len(c.buffer))...)
	}
	if c.within > 0 {
		c.net.SetReadDeadline(time.Now().Add(c.within)) // an error of it is the reading's
		c.within, c.bounded = 0, true
	}
	n, err := copy(c.buffer[c.w:], c.peeked), error(nil)
	if c.peeked = nil; n == 0 {
		n, err = c.net.Read(c.buffer[c.w:])
	}
	c.w += n
	if n > 0 {
		c.heard = true
		return nil
	}
	return err
}

// The ends that no answer should have.
var (
	errSilent = errors.New("the server closed the connection without an answer")
	errBroken = errors.New("the server closed the connection in the middle of its answer")
)

func (c *conn) ended() error {
	if c.heard {
		return errBroken
	}
	return errSilent
}

// line is the next line, without its end. It comes off the budget, and is good
// until the next call.
func (c *conn) line(budget *int) ([]byte, error) {
	for searched := 0; ; {
		if i := bytes.IndexByte(c.buffer[c.r+searched:c.w], '\n'); i >= 0 {
			line := c.buffer[c.r : c.r+searched+i]
			c.r += len(line) + 1
			if *budget -= len(line) + 1; *budget < 0 {
				return nil, Malformed(fmt.Sprintf("the head of the answer is longer than %d bytes", limit.Head))
			}
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		searched = c.w - c.r
		if err := c.fill(); err != nil {
			if err == io.EOF {
				err = c.ended()
			}
			return nil, err
		}
	}
}

// chunkAhead takes what stands before a chunk, where all of it has come and it is
// as servers write it: the end of the one before, its length, no more. It returns
// that length, or 0 where a closer look is needed.
func (c *conn) chunkAhead(begun bool) (n int64) {
	ahead := c.buffer[c.r:c.w]
	if begun {
		var ended bool
		if ahead, ended = bytes.CutPrefix(ahead, []byte("\r\n")); !ended {
			return 0
		}
	}
	const digits = 7
	for i := range min(digits+1, len(ahead)-1) {
		switch d := ahead[i]; {
		case '0' <= d && d <= '9':
			n = n<<4 | int64(d-'0')
		case 'a' <= d && d <= 'f':
			n = n<<4 | int64(d-'a'+10)
		case d == '\r' && ahead[i+1] == '\n':
			if n > 0 {
				c.r = c.w - len(ahead) + i + 2
			}
			return n
		default:
			return 0
		}
	}
	return 0
}
