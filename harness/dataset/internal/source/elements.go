package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Elements splits a JSON array of objects, or objects one after the other. What stands in an object is for the parser
// to understand; that its end is found is what makes a large file fast.
type Elements struct {
	text   *bufio.Reader
	Offset int64 // of what comes next
	line   int64 // that this is on, from 1
	Began  int64 // line that the object begins on
	Begins int64 // where it begins
	Object []byte
	Plain  bool   // there is no array around the objects
	Any    bool   // what is in the array may be no object
	form   string // what the file must be, for errors
}

// NewElements reads elements from r, which begins at an offset of the file.
func NewElements(r io.Reader, offset int64, form string) *Elements {
	return &Elements{text: bufio.NewReaderSize(r, 16<<10), Offset: offset, line: 1, form: form}
}

// Begin reads the beginning of the array.
func (e *Elements) Begin() error {
	b, err := e.Token()
	switch {
	case errors.Is(err, io.EOF):
		return &LineError{e.line, errors.New("unexpected end of the file; " + e.form)}
	case err != nil:
		return err
	case b == '{':
		e.Plain, e.Offset = true, e.Offset-1
		return e.text.UnreadByte()
	case b != '[':
		return &LineError{e.line, fmt.Errorf("invalid character %q; %s", b, e.form)}
	}
	return nil
}

// Next reads the next object; io.EOF: there is none.
func (e *Elements) Next(first bool) error {
	b, err := e.Token()
	switch {
	case e.Plain && errors.Is(err, io.EOF):
		return io.EOF
	case err != nil, e.Plain:
	case b == ']':
		return e.end()
	case b == ',' && !first:
		b, err = e.Token()
	case !first:
		return &LineError{e.line, fmt.Errorf("invalid character %q between two objects; a comma belongs there", b)}
	}
	switch {
	case errors.Is(err, io.EOF):
		return &LineError{e.line, errors.New("unexpected end of the file; " + e.form)}
	case err != nil:
		return err
	}
	e.Began, e.Begins = e.line, e.Offset-1
	e.Object = append(e.Object[:0], b)
	any := e.Any && !e.Plain
	switch {
	case b == '{' || b == '[' && any:
		return e.rest(1, false)
	case b == '"' && any:
		return e.rest(0, true)
	case strings.IndexByte("ntf-0123456789", b) >= 0 && any:
		return e.word()
	}
	return &LineError{e.line, fmt.Errorf("invalid character %q; %s", b, e.form)}
}

// word reads null, true, false or a number to its end.
func (e *Elements) word() error {
	for {
		b, err := e.text.Peek(1)
		if err != nil || strings.IndexByte(",]} \t\r\n", b[0]) >= 0 {
			return nil // what is wrong shows at the next one
		}
		e.Object = append(e.Object, b[0])
		e.Offset++
		e.text.Discard(1) // it was peeked at
		if len(e.Object) > longestRecord {
			return &LineError{e.line, errTooLong}
		}
	}
}

// end is io.EOF where nothing comes after the array.
func (e *Elements) end() error {
	b, err := e.Token()
	if err == nil {
		return &LineError{e.line, fmt.Errorf("invalid character %q after the end of the array", b)}
	}
	return err
}

// Token is the next byte that is no space.
func (e *Elements) Token() (byte, error) {
	for {
		b, err := e.text.ReadByte()
		if err != nil {
			return 0, err
		}
		e.Offset++
		switch b {
		case '\n':
			e.line++
		case ' ', '\t', '\r':
		default:
			return b, nil
		}
	}
}

// rest reads an object, a list or a text to its end.
func (e *Elements) rest(depth int, quoted bool) error {
	began, escaped := e.line, false
	for depth > 0 || quoted {
		chunk, err := e.text.Peek(max(1, e.text.Buffered()))
		switch {
		case len(e.Object) > longestRecord:
			return &LineError{began, errTooLong}
		case errors.Is(err, io.EOF):
			return &LineError{began, errors.New("unexpected end of the file in the middle of an object")}
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
			if depth == 0 && !quoted {
				taken = i + 1
				break
			}
		}
		e.Object = append(e.Object, chunk[:taken]...)
		e.line += int64(bytes.Count(chunk[:taken], []byte{'\n'}))
		e.Offset += int64(taken)
		e.text.Discard(taken) // it was peeked at
	}
	return nil
}
