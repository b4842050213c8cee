package wire

import (
	"bytes"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// A template is an event in mid-stream as it comes: most events differ from the one before in their text
// and their number only, and matching them costs a tenth of parsing them.
type template struct {
	text, number string // where they stand in the data; number "": there is none

	name string // of the event
	head []byte // what stands before the data; nil: nothing was learned
	open []byte // what stands in the data before the text
	mid  []byte // between text and number; all that follows the text where there is no number
	tail []byte // after the number
}

// blank ends an event.
const blank = "\n\n"

// match matches a whole event at the beginning of a piece.
func (t *template) match(piece []byte) (text []byte, number int, rest []byte, ok bool) {
	if t.head == nil || !bytes.HasPrefix(piece, t.head) {
		return nil, 0, nil, false
	}
	if text, number, rest, ok = t.data(piece[len(t.head):]); !ok || !bytes.HasPrefix(rest, []byte(blank)) {
		return nil, 0, nil, false
	}
	return text, number, rest[len(blank):], true
}

// matchData matches the data of an event that has come in several pieces.
func (t *template) matchData(name string, data []byte) (text []byte, number int, ok bool) {
	if t.head == nil || name != t.name {
		return nil, 0, false
	}
	text, number, rest, ok := t.data(data)
	return text, number, ok && len(rest) == 0
}

// data matches the data of an event, with what follows it.
func (t *template) data(data []byte) (text []byte, number int, rest []byte, ok bool) {
	data, ok = bytes.CutPrefix(data, t.open)
	if !ok {
		return nil, 0, nil, false
	}
	end := 0
	for end < len(data) && data[end] != '"' {
		if data[end] == '\\' || data[end] < ' ' {
			return nil, 0, nil, false // not a string without escapes
		}
		end++
	}
	text = data[:end]
	if rest, ok = bytes.CutPrefix(data[end:], t.mid); !ok || len(text) == 0 {
		return nil, 0, nil, false
	}
	if t.number == "" {
		return text, 0, rest, true
	}
	const most = 9 // digits of a number that any stream can reach
	digits := 0
	for digits < len(rest) && digits < most && '0' <= rest[digits] && rest[digits] <= '9' {
		number = 10*number + int(rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 1 && rest[0] == '0' { // no number of JSON
		return nil, 0, nil, false
	}
	rest, ok = bytes.CutPrefix(rest[digits:], t.tail)
	return text, number, rest, ok
}

// learn keeps what stands around text and number of an event that has been parsed, and brought this text
// and nothing else.
func (t *template) learn(name string, data []byte, text string) {
	v := gjson.GetBytes(data, t.text)
	if len(data) > limit.ShortEvent || name == "" || v.Type != gjson.String || v.Index <= 0 || v.Str != text || bytes.IndexByte(data, '\n') >= 0 {
		return
	}
	from, to := v.Index+1, v.Index+len(v.Raw)-1
	mid, tail := data[to:], []byte(nil)
	if t.number != "" {
		n := gjson.GetBytes(data, t.number)
		if n.Type != gjson.Number || n.Index < to {
			return
		}
		mid, tail = data[to:n.Index], data[n.Index+len(n.Raw):]
	}
	t.name, t.head = name, slices.Concat([]byte("event: "), []byte(name), []byte("\ndata: "))
	t.open, t.mid, t.tail = bytes.Clone(data[:from]), bytes.Clone(mid), bytes.Clone(tail)
}
