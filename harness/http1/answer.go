package http1

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// An Answer is what came of a request. Its body is read with Next; it must be
// closed.
type Answer struct {
	Status      int
	ContentType string
	RequestID   string // X-Request-Id
	Sent        time.Time
	Times       Times

	c       *conn // nil once it is closed
	ctx     context.Context
	unhook  func() bool
	left    int64 // of the body, or of the chunk that is being read
	chunked bool
	begun   bool  // a chunk was read: its end stands before the next one
	old     bool  // it is HTTP/1.0
	lasting bool  // the connection can be used again after it…
	last    bool  // …but the server says that it is the last one
	wrong   error // what ended it
}

// What can be left of a body whose length is not known.
const (
	none  = -1            // no length was told
	toEnd = math.MaxInt64 // it goes on until the connection ends
)

// Malformed is what is wrong with an answer that is no HTTP/1.1.
type Malformed string

func (m Malformed) Error() string { return string(m) }

// readHead reads to the beginning of the body.
func (a *Answer) readHead() error {
	for budget := maxHead; ; {
		if err := a.readStatus(&budget); err != nil {
			return err
		}
		if err := a.readFields(&budget, a.field); err != nil {
			return err
		}
		if a.Status >= 200 {
			return a.frame()
		}
		if a.Status == 101 {
			return Malformed("the server wants to speak another protocol, which nobody asked for (101)")
		}
		a.chunked, a.left = false, none // 1xx: the answer is still to come
	}
}

func (a *Answer) readStatus(budget *int) error {
	line, err := a.c.line(budget)
	if err != nil {
		return err
	}
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' || rest[0] != '0' && rest[0] != '1' {
		return Malformed(fmt.Sprintf("the answer begins with %q, which is no HTTP/1.1", short(line)))
	}
	status, ok := number(rest[2:5], 10)
	if !ok || status < 100 {
		return Malformed(fmt.Sprintf("%q is no status", short(line)))
	}
	a.Status, a.old, a.lasting = int(status), rest[0] == '0', rest[0] == '1'
	return nil
}

// readFields reads the fields of a head, or of a trailer, to the empty line.
func (a *Answer) readFields(budget *int, take func(name, value []byte) error) error {
	for {
		line, err := a.c.line(budget)
		if err != nil || len(line) == 0 {
			return err
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t\x00") {
			return Malformed(fmt.Sprintf("%q is no field of a head", short(line)))
		}
		if err := take(name, bytes.Trim(value, " \t")); err != nil {
			return err
		}
	}
}

func (a *Answer) field(name, value []byte) error {
	is := func(other string) bool { return len(name) == len(other) && strings.EqualFold(string(name), other) }
	switch {
	case is("Content-Length"):
		n, ok := number(value, 10)
		if !ok || a.left != none && a.left != n {
			return Malformed(fmt.Sprintf("%q cannot be the length of the answer", short(value)))
		}
		a.left = n
	case is("Transfer-Encoding"):
		if !bytes.EqualFold(value, []byte("chunked")) || a.chunked {
			return Malformed(fmt.Sprintf("the answer comes as %q, which nobody asked for", short(value)))
		}
		a.chunked = true
	case is("Connection"):
		for option := range bytes.SplitSeq(value, []byte(",")) {
			switch option = bytes.TrimSpace(option); {
			case bytes.EqualFold(option, []byte("close")):
				a.last = true
			case bytes.EqualFold(option, []byte("keep-alive")):
				a.lasting = true
			}
		}
	case is("Content-Type"):
		a.ContentType = string(value)
	case is("X-Request-Id"):
		a.RequestID = string(value)
	}
	return nil
}

// frame says where the body ends (RFC 9112, section 6.3).
func (a *Answer) frame() error {
	switch {
	case a.Status == 204 || a.Status == 304:
		a.chunked, a.left = false, 0
	case a.chunked && a.old:
		return Malformed("the answer comes in chunks, which HTTP/1.0 does not have")
	case a.chunked:
		a.left = 0 // of the chunk before the first
	case a.left == none:
		a.left, a.lasting = toEnd, false
	}
	return nil
}

// Next is the next piece of the body, as it came; it is good until the next
// call. After the last it is io.EOF.
func (a *Answer) Next() ([]byte, error) {
	if a.wrong != nil {
		return nil, a.wrong
	}
	piece, err := a.next()
	if err != nil && err != io.EOF {
		err = cmp.Or(a.ctx.Err(), err) // a closed connection is no more than what came of that
	}
	a.wrong = err
	return piece, err
}

func (a *Answer) next() ([]byte, error) {
	c := a.c
	if a.left == 0 {
		if !a.chunked {
			return nil, io.EOF
		}
		if err := a.nextChunk(); err != nil {
			return nil, err
		}
	}
	if c.r == c.w {
		err := c.fill()
		switch {
		case err == io.EOF && a.left == toEnd:
			return nil, io.EOF
		case err == io.EOF:
			return nil, errBroken
		case err != nil:
			return nil, err
		}
	}
	piece := c.buffer[c.r:c.w]
	if int64(len(piece)) > a.left {
		piece = piece[:a.left]
	}
	c.r += len(piece)
	if a.left != toEnd {
		a.left -= int64(len(piece))
	}
	return piece, nil
}

// nextChunk reads what stands before a chunk, and after the last one everything.
func (a *Answer) nextChunk() error {
	if n := a.c.chunkAhead(a.begun); n > 0 {
		a.begun, a.left = true, n
		return nil
	}
	budget := maxHead
	if a.begun {
		if line, err := a.c.line(&budget); err != nil {
			return err
		} else if len(line) > 0 {
			return Malformed(fmt.Sprintf("a chunk of the answer goes on with %q after its end", short(line)))
		}
	}
	a.begun = true
	line, err := a.c.line(&budget)
	if err != nil {
		return err
	}
	size, _, _ := bytes.Cut(line, []byte(";")) // an extension of it means nothing to us
	n, ok := number(bytes.TrimRight(size, " \t"), 16)
	if !ok {
		return Malformed(fmt.Sprintf("%q is no length of a chunk", short(line)))
	}
	if a.left = n; n > 0 {
		return nil
	}
	a.chunked = false
	if err := a.readFields(&budget, func(_, _ []byte) error { return nil }); err != nil {
		return err
	}
	return io.EOF
}

// Last is when the data arrived that was read last, and how long it then waited
// for us, or stamp.Unknown.
func (a *Answer) Last() (arrived time.Time, waited time.Duration) { return a.c.stamps.Last() }

// Close is the end of it, once: the answer belongs to its connection, which then
// belongs to somebody else. The connection is used again if the body was read to
// its end, and is closed if not.
func (a *Answer) Close() {
	c := a.c
	if c == nil {
		return
	}
	going := a.unhook()
	a.c = nil
	if going && a.lasting && !a.last && a.wrong == io.EOF && c.r == c.w && c.sent() {
		c.pool.put(c)
	} else {
		c.pool.drop(c)
	}
}

// number reads digits and nothing else; a length has at most 15 of them.
func number(digits []byte, base int) (int64, bool) {
	if len(digits) == 0 || len(digits) > 15 || digits[0] == '+' || digits[0] == '-' || bytes.IndexByte(digits, '_') >= 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), base, 64)
	return n, err == nil
}

// short is as much of a line as a reader wants to see.
func short(line []byte) []byte { return line[:min(len(line), 60)] }
