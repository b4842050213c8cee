package openai

import (
	"bytes"
	"fmt"

	"github.com/vllmspec/vllmspec/internal/limit"
)

const byteOrderMark = "\xef\xbb\xbf"

// line cuts the first line off a piece of the stream. Lines end with LF, CR or CRLF
// (WHATWG HTML, section 9.2.5). What has no end yet is kept for the next piece.
func (s *stream) line(piece []byte) (line, rest []byte, ok bool) {
	if s.afterCR && len(piece) > 0 {
		s.afterCR = false
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
		s.partial.add(piece)
		return nil, nil, false
	}
	line, rest = piece[:end], piece[end+1:]
	if piece[end] == '\r' {
		s.afterCR = len(rest) == 0
		rest = bytes.TrimPrefix(rest, []byte("\n"))
	}
	if s.owned = s.partial.length > 0; s.owned {
		s.partial.add(line)
		line = s.partial.whole()
	}
	return line, rest, true
}

// field adds a line that is not empty to the event that is being read. A line that
// begins with a colon is a comment; id and retry are for a client that reconnects.
func (s *stream) field(line []byte) {
	if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
		if data = bytes.TrimPrefix(data, []byte(" ")); s.owned {
			s.data.adopt(data)
		} else {
			s.data.add(data)
		}
		s.data.add([]byte("\n"))
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch string(name) {
	case "data":
		s.data.add([]byte("\n"))
	case "event":
		value = bytes.TrimPrefix(value, []byte(" "))
		s.name = append(s.name[:0], value[:min(len(value), limit.Field)]...)
	case "", "id", "retry":
	default:
		s.keepStray(line)
	}
}

// keepStray keeps what is no part of an event: where no answer comes, it says why.
func (s *stream) keepStray(text []byte) {
	if room := limit.Stray - len(s.stray); room > 0 {
		s.stray = append(append(s.stray, text[:min(room, len(text))]...), '\n')
	}
}

// ends reports whether a line says that the answer is over.
func ends(line []byte) bool {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	return ok && isDone(data)
}

// isDone is the same of the data of an event. OpenAI's own client looks at no more
// than the beginning, either.
func isDone(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t"), []byte("[DONE]"))
}

// bounded looks at a stream after a piece of so many bytes of it. The error says which bound
// it is beyond: one event, all long events that this client has been sent in part, or the
// whole of the answer. After its end nothing counts.
func (s *stream) bounded(piece int) error {
	if s.done {
		return nil
	}
	event := s.partial.length + s.data.length
	if s.came += piece; s.came > s.most {
		return malformed(fmt.Sprintf("the answer is longer than %d MiB", s.most>>20))
	}
	if event > limit.Event {
		return malformed(fmt.Sprintf("an event of the stream is longer than %d MiB", limit.Event>>20))
	}
	if !s.hold(event) {
		return malformed(fmt.Sprintf("an event of the stream has more than %d KiB, and all such events at a time more than %d MiB", limit.Counted>>10, limit.Events>>20))
	}
	return nil
}

// hold counts a long event among all those of the client, and reports whether there is room
// for it. An event of 0 bytes gives back what was counted.
func (s *stream) hold(event int) bool {
	if event <= limit.Counted {
		event = 0
	}
	if event == s.held {
		return true
	}
	all := s.client.longEvents.Add(int64(event - s.held))
	more := event > s.held
	s.held = event
	return !more || all <= limit.Events
}
