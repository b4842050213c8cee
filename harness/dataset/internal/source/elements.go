package source

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
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
	case b != '{':
		return &LineError{e.line, fmt.Errorf("invalid character %q; %s", b, e.form)}
	}
	e.Began, e.Begins = e.line, e.Offset-1
	e.Object = append(e.Object[:0], '{')
	return e.rest()
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

// rest reads an object to its end.
func (e *Elements) rest() error {
	began := e.line
	depth, quoted, escaped := 1, false, false
	for depth > 0 {
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
			if depth == 0 {
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
