package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// elements splits a JSON array of objects, or objects one after the other. What stands in an object is for the parser
// to understand; that its end is found is what makes a large file fast.
type elements struct {
	text   *bufio.Reader
	offset int64 // of what comes next
	line   int64 // that this is on, from 1
	began  int64 // line that the object begins on
	begins int64 // where it begins
	object []byte
	plain  bool   // there is no array around the objects
	form   string // what the file must be, for errors
}

func newElements(r io.Reader, from int64, form string) *elements {
	return &elements{text: bufio.NewReaderSize(r, 16<<10), offset: from, line: 1, form: form}
}

// begin reads the beginning of the array.
func (e *elements) begin() error {
	b, err := e.token()
	switch {
	case errors.Is(err, io.EOF):
		return &lineError{e.line, errors.New("unexpected end of the file; " + e.form)}
	case err != nil:
		return err
	case b == '{':
		e.plain, e.offset = true, e.offset-1
		return e.text.UnreadByte()
	case b != '[':
		return &lineError{e.line, fmt.Errorf("invalid character %q; %s", b, e.form)}
	}
	return nil
}

// next reads the next object; io.EOF: there is none.
func (e *elements) next(first bool) error {
	b, err := e.token()
	switch {
	case e.plain && errors.Is(err, io.EOF):
		return io.EOF
	case err != nil, e.plain:
	case b == ']':
		return e.end()
	case b == ',' && !first:
		b, err = e.token()
	case !first:
		return &lineError{e.line, fmt.Errorf("invalid character %q between two objects; a comma belongs there", b)}
	}
	switch {
	case errors.Is(err, io.EOF):
		return &lineError{e.line, errors.New("unexpected end of the file; " + e.form)}
	case err != nil:
		return err
	case b != '{':
		return &lineError{e.line, fmt.Errorf("invalid character %q; %s", b, e.form)}
	}
	e.began, e.begins = e.line, e.offset-1
	e.object = append(e.object[:0], '{')
	return e.rest()
}

// end is io.EOF where nothing comes after the array.
func (e *elements) end() error {
	b, err := e.token()
	if err == nil {
		return &lineError{e.line, fmt.Errorf("invalid character %q after the end of the array", b)}
	}
	return err
}

// token is the next byte that is no space.
func (e *elements) token() (byte, error) {
	for {
		b, err := e.text.ReadByte()
		if err != nil {
			return 0, err
		}
		e.offset++
		switch b {
		case '\n':
			e.line++
		case ' ', '\t', '\r':
		default:
			return b, nil
		}
	}
}

// rest reads an object to its end.
func (e *elements) rest() error {
	began := e.line
	depth, quoted, escaped := 1, false, false
	for depth > 0 {
		chunk, err := e.text.Peek(max(1, e.text.Buffered()))
		switch {
		case len(e.object) > longestRecord:
			return &lineError{began, errTooLong}
		case errors.Is(err, io.EOF):
			return &lineError{began, errors.New("unexpected end of the file in the middle of an object")}
		case err != nil:
			return err
		}
		taken := len(chunk)
		for i, b := range chunk {
			switch {
			case escaped:
				escaped = false
			case b == '"':
				quoted = !quoted
			case quoted:
				escaped = b == '\\'
			case b == '{' || b == '[':
				depth++
			case b == '}' || b == ']':
				depth--
			}
			if depth == 0 {
				taken = i + 1
				break
			}
		}
		e.object = append(e.object, chunk[:taken]...)
		e.line += int64(bytes.Count(chunk[:taken], []byte{'\n'}))
		e.offset += int64(taken)
		e.text.Discard(taken) // it was peeked at
	}
	return nil
}
