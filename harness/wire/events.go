package wire

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/internal/limit"
)

const byteOrderMark = "\xef\xbb\xbf"

// Events reads a stream of server-sent events as its pieces come. It finds lines, and gathers the fields
// of the event that is being read; what an event means is for the interface to say.
type Events struct {
	Most int           // bytes that may come
	Long *atomic.Int64 // bytes of long events that have come in part, of all streams of a client; nil: of this one only

	partial gathered // of a line whose end has not come yet
	data    gathered // of the event being read
	owned   bool     // the last line stands in memory of its own
	name    []byte   // the same event's type
	stray   []byte   // what belonged to no event
	afterCR bool     // the last line ended with CR: a LF at once belongs to it
	begun   bool     // a line came
	came    int      // bytes that came
	held    int      // bytes of a long event that are counted in Long
}

// Line cuts the first line off a piece of the stream. Lines end with LF, CR or CRLF
// (WHATWG HTML, section 9.2.5). What has no end yet is kept for the next piece.
func (e *Events) Line(piece []byte) (line, rest []byte, ok bool) {
	if e.afterCR && len(piece) > 0 {
		e.afterCR = false
		piece = bytes.TrimPrefix(piece, []byte("\n")) // the end of a line that had come in another piece
	}
	end := bytes.IndexByte(piece, '\n')
	until := len(piece)
	if end >= 0 {
		until = end
	}
	if cr := bytes.IndexByte(piece[:until], '\r'); cr >= 0 {
		end = cr
	}
	if end < 0 {
		e.partial.add(piece)
		return nil, nil, false
	}
	line, rest = piece[:end], piece[end+1:]
	if piece[end] == '\r' {
		e.afterCR = len(rest) == 0
		rest = bytes.TrimPrefix(rest, []byte("\n"))
	}
	if e.owned = e.partial.length > 0; e.owned {
		e.partial.add(line)
		line = e.partial.whole()
	}
	return e.first(line), rest, true
}

// first is a line without the byte order mark, with which a stream may begin.
func (e *Events) first(line []byte) []byte {
	if e.begun {
		return line
	}
	e.begun = true
	return bytes.TrimPrefix(line, []byte(byteOrderMark))
}

// Partial is what has come of a line that has no end yet, where it is short.
func (e *Events) Partial() []byte { return e.partial.short }

// TakePartial is that line, as if it had ended.
func (e *Events) TakePartial() []byte {
	if e.partial.length == 0 {
		return nil
	}
	e.owned = true
	return e.first(e.partial.whole())
}

// Between reports whether nothing has come of the next event.
func (e *Events) Between() bool {
	return e.partial.length == 0 && e.data.length == 0 && len(e.name) == 0
}

// Field adds a line that is not empty to the event that is being read. A line that
// begins with a colon is a comment; id and retry are for a client that reconnects.
func (e *Events) Field(line []byte) {
	if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
		if data = bytes.TrimPrefix(data, []byte(" ")); e.owned {
			e.data.adopt(data)
		} else {
			e.data.add(data)
		}
		e.data.add([]byte("\n"))
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch string(name) {
	case "data":
		e.data.add([]byte("\n"))
	case "event":
		value = bytes.TrimPrefix(value, []byte(" "))
		e.name = append(e.name[:0], value[:min(len(value), limit.Field)]...)
	case "", "id", "retry":
	default:
		e.KeepStray(line)
	}
}

// Name is the type of the event that is being read; it is good until the next line.
func (e *Events) Name() []byte { return e.name }

// Take is the data of the event that was read, without white space around it. The next one begins.
func (e *Events) Take() []byte {
	e.name = e.name[:0]
	return bytes.TrimSpace(e.data.whole())
}

// Pending is the data that has come of an event whose end has not.
func (e *Events) Pending() []byte {
	data := e.data.whole()
	e.data.adopt(data)
	return bytes.TrimSpace(data)
}

// KeepStray keeps what is no part of an answer: where none comes, it says why.
func (e *Events) KeepStray(text []byte) {
	if room := limit.Stray - len(e.stray); room > 0 {
		e.stray = append(append(e.stray, text[:min(room, len(text))]...), '\n')
	}
}

// Stray is what was no part of an answer.
func (e *Events) Stray() []byte { return bytes.TrimSpace(e.stray) }

// Bounded looks at a stream after a piece of so many bytes of it. The error says which bound
// it is beyond: one event, all long events that the client has been sent in part, or the
// whole of the answer.
func (e *Events) Bounded(piece int) error {
	event := e.partial.length + e.data.length
	if e.came += piece; e.came > e.Most {
		return Malformed(fmt.Sprintf("the answer is longer than %d MiB", e.Most>>20))
	}
	if event > limit.Event {
		return Malformed(fmt.Sprintf("an event of the stream is longer than %d MiB", limit.Event>>20))
	}
	if !e.hold(event) {
		return Malformed(fmt.Sprintf("an event of the stream has more than %d KiB, and all such events at a time more than %d MiB", limit.Counted>>10, limit.Events>>20))
	}
	return nil
}

// Close gives back what was counted of a long event.
func (e *Events) Close() { e.hold(0) }

// hold counts a long event among all those of the client, and reports whether there is room
// for it. An event of 0 bytes gives back what was counted.
func (e *Events) hold(event int) bool {
	if event <= limit.Counted || e.Long == nil {
		event = 0
	}
	if event == e.held {
		return true
	}
	all := e.Long.Add(int64(event - e.held))
	more := event > e.held
	e.held = event
	return !more || all <= limit.Events
}
