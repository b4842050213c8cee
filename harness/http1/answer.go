package http1

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// An Answer is what came of a request. Its body is read with Next; it must be
// closed.
type Answer struct {
	Status      int
	ContentType string
	Encoding    string   // Content-Encoding, several with commas between
	Location    string   // where a redirect leads
	RequestID   string   // X-Request-Id
	Kept        []string // values of the pool's Keep, in its order; nil where none came
	Sent        time.Time
	Times       Times

	c              *conn // nil once it is closed
	ctx            context.Context
	unhook         func() bool
	left           int64 // of the body, or of the chunk that is being read
	chunked        bool
	begun          bool          // a chunk was read: its end stands before the next one
	http10         bool          // it is HTTP/1.0
	reusable       bool          // the connection can be used again after it…
	closeRequested bool          // …but the server says that it is the last one
	keep           time.Duration // how long the server keeps the connection idle; none: it does not say
	wrong          error         // what ended it
}

// What can be left of a body whose length is not known.
const (
	none  = -1            // no length was stated
	toEnd = math.MaxInt64 // it goes on until the connection ends
)

// Malformed is what is wrong with an answer that is no HTTP/1.1.
type Malformed string

func (m Malformed) Error() string { return string(m) }

// readHead reads to the beginning of the body.
func (a *Answer) readHead() error {
	for budget := limit.Head; ; {
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
			return Malformed("the server wants to speak another protocol, which was not asked for (101)")
		}
		*a = Answer{c: a.c, ctx: a.ctx, unhook: a.unhook, Sent: a.Sent, left: none, keep: none} // 1xx: the answer is still to come
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
	a.Status, a.http10, a.reusable = int(status), rest[0] == '0', rest[0] == '1'
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
		if bytes.EqualFold(value, []byte("identity")) {
			return nil // how HTTP/1.1 once said that there is none
		}
		if !bytes.EqualFold(value, []byte("chunked")) || a.chunked {
			return Malformed(fmt.Sprintf("the answer comes as %q, which was not asked for", short(value)))
		}
		a.chunked = true
	case is("Connection"):
		a.connection(value)
	case is("Keep-Alive"):
		a.keepAlive(value)
	case is("Content-Type"):
		return a.keepField(&a.ContentType, name, value)
	case is("Content-Encoding") && a.Encoding != "":
		return a.keepField(&a.Encoding, name, append([]byte(a.Encoding+","), value...))
	case is("Content-Encoding"):
		return a.keepField(&a.Encoding, name, value)
	case is("Location"):
		return a.keepField(&a.Location, name, value)
	case is("X-Request-Id"):
		return a.keepField(&a.RequestID, name, value)
	}
	a.keepNamed(name, value)
	return nil
}

// keepNamed takes a field that the pool was asked to keep; of several of one name the last.
// One that is too long is left out: an answer does not fail for it.
func (a *Answer) keepNamed(name, value []byte) {
	wanted := a.c.pool.Keep
	for i, kept := range wanted {
		if len(name) != len(kept) || len(value) > limit.Field || !strings.EqualFold(string(name), kept) {
			continue
		}
		if a.Kept == nil {
			a.Kept = make([]string, len(wanted))
		}
		a.Kept[i] = string(value)
	}
}

// keepField takes a field of the head that outlives the connection's buffer.
func (a *Answer) keepField(kept *string, name, value []byte) error {
	if len(value) > limit.Field {
		return Malformed(fmt.Sprintf("the field %s of the answer's head has %d bytes; at most %d are read", short(name), len(value), limit.Field))
	}
	*kept = string(value)
	return nil
}

// connection reads the field that says whether the connection lasts.
func (a *Answer) connection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte(",")) {
		switch option = bytes.TrimSpace(option); {
		case bytes.EqualFold(option, []byte("close")):
			a.closeRequested = true
		case bytes.EqualFold(option, []byte("keep-alive")):
			a.reusable = true
		}
	}
}

// keepAlive reads "timeout=5, max=100": how long a server keeps an idle connection,
// and for how many requests more (RFC 2068, section 19.7.1, and what Node, Apache
// and gunicorn made of it). What is no number is left out.
func (a *Answer) keepAlive(value []byte) {
	for parameter := range bytes.SplitSeq(value, []byte(",")) {
		name, said, _ := bytes.Cut(parameter, []byte("="))
		n, ok := number(bytes.Trim(said, " \t\""), 10)
		switch name = bytes.TrimSpace(name); {
		case !ok:
		case bytes.EqualFold(name, []byte("timeout")):
			a.keep = time.Duration(min(n, int64(time.Hour/time.Second))) * time.Second
		case bytes.EqualFold(name, []byte("max")) && n == 0:
			a.closeRequested = true
		}
	}
}

// idle is how long the connection may be kept for another request: less than the
// server keeps it, because a request may need as long to get there.
func (a *Answer) idle() time.Duration {
	if a.keep == none {
		return keepUsed
	}
	return min(keepUsed, a.keep-min(time.Second, a.keep/2))
}

// frame says where the body ends (RFC 9112, section 6.3).
func (a *Answer) frame() error {
	switch {
	case a.Status == 204 || a.Status == 304:
		a.chunked, a.left = false, 0
	case a.chunked && a.http10:
		return Malformed("the answer comes in chunks, which HTTP/1.0 does not have")
	case a.chunked:
		a.left = 0 // of the chunk before the first
	case a.left == none:
		a.left, a.reusable = toEnd, false
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
	if err != nil && !errors.Is(err, io.EOF) {
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
	budget := limit.Head
	if a.begun {
		if line, err := a.c.line(&budget); err != nil {
			return err
		} else if len(line) > 0 {
			return Malformed(fmt.Sprintf("a chunk of the answer goes on with %q after its end", short(line)))
		}
	}
	a.begun = false // for one who asks again past a deadline
	line, err := a.c.line(&budget)
	if err != nil {
		return err
	}
	a.begun = true
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
		a.reusable = false // half of a trailer may be left on the connection
		return err
	}
	return io.EOF
}

// Last is when the data arrived that was read last, and how long it then waited
// for us, or stamp.Unknown.
func (a *Answer) Last() (arrived time.Time, waited time.Duration) { return a.c.stamps.Last() }

// Within bounds how long Next waits from now on, all pieces together; what has come
// by then is still read. Past it Next returns [os.ErrDeadlineExceeded].
func (a *Answer) Within(long time.Duration) { a.c.within = long }

// Close is the end of it, once: the answer belongs to its connection, which then
// belongs to another request. The connection is used again if the body was read to
// its end, and is closed if not.
func (a *Answer) Close() {
	c := a.c
	if c == nil {
		return
	}
	going := a.unhook()
	a.c = nil
	if c.bounded && c.net.SetReadDeadline(time.Time{}) != nil {
		going = false
	}
	if going && a.reusable && !a.closeRequested && a.wrong == io.EOF && c.r == c.w && c.sent() {
		c.pool.put(c, a.idle())
	} else {
		c.pool.drop(c)
	}
}

// Leave is [Answer.Close] for an answer of which all that matters has come, though its
// body has not ended. The connection is used again if the end comes in time: some
// servers write it a moment later, and some never do.
func (a *Answer) Leave(within time.Duration) {
	late := a.wrong == nil || errors.Is(a.wrong, os.ErrDeadlineExceeded)
	if a.c == nil || !late || !a.reusable || a.closeRequested || a.left == toEnd || a.ctx.Err() != nil || !a.unhook() {
		a.Close()
		return
	}
	a.wrong, a.ctx, a.unhook = nil, context.Background(), func() bool { return true }
	a.Within(within)
	go func() {
		defer a.Close()
		for read := 0; read < maxRest; {
			piece, err := a.Next()
			if err != nil {
				return
			}
			read += len(piece)
		}
	}()
}

// maxRest bounds what is read of a body that no reader waits for.
const maxRest = 64 << 10

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
