package dataset

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
)

// elements splits a JSON array of objects. What stands in an object is for the parser
// to understand; that it can be told where it ends is what makes a large file fast.
type elements struct {
	text   *bufio.Reader
	offset int64 // of what comes next
	line   int64 // that this is on, from 1
	begins int64 // where the object begins
	object []byte
}

func newElements(r io.Reader, from int64) *elements {
	return &elements{text: bufio.NewReaderSize(r, 16<<10), offset: from, line: 1}
}

const arrayForm = "it must be a JSON array of ShareGPT conversations"

// begin reads the beginning of the array.
func (e *elements) begin() error {
	b, err := e.token()
	switch {
	case errors.Is(err, io.EOF):
		return &lineError{e.line, errors.New("unexpected end of the file; " + arrayForm)}
	case err != nil:
		return err
	case b == '{':
		return &lineError{e.line, errors.New("there is a JSON object where it does not belong; " + arrayForm)}
	case b != '[':
		return &lineError{e.line, fmt.Errorf("invalid character %q; %s", b, arrayForm)}
	}
	return nil
}

// next reads the next object; io.EOF: there is none.
func (e *elements) next(first bool) error {
	b, err := e.token()
	switch {
	case err != nil:
	case b == ']':
		return e.end()
	case b == ',' && !first:
		b, err = e.token()
	case !first:
		return &lineError{e.line, fmt.Errorf("invalid character %q between two conversations; a comma belongs there", b)}
	}
	switch {
	case errors.Is(err, io.EOF):
		return &lineError{e.line, errors.New("unexpected end of the file; " + arrayForm)}
	case err != nil:
		return err
	case b != '{':
		return &lineError{e.line, fmt.Errorf("invalid character %q; %s", b, arrayForm)}
	}
	e.begins = e.offset - 1
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
			return &lineError{began, errors.New("unexpected end of the file in the middle of a conversation")}
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

// parseElement reads an object; it may hold nothing to ask.
type parseElement func(number int64, raw []byte, inline bool) ([]harness.Conversation, error)

// elementRecords are the objects of a JSON array. One goroutine splits the file, since
// only who has read what comes before an object knows where it begins; others parse.
func elementRecords(file *openFile, parse parseElement, told progress) (*records, error) {
	split := newElements(file.from(0), 0)
	if err := split.begin(); err != nil {
		return nil, err
	}
	check := newElementCheck(parse)
	all := &records{file: file}
	var index places
	var err error
	for next := int64(piece); err == nil && !check.failed.Load(); {
		if err = split.next(all.units == 0); err == nil {
			index.note(split.begins, all.units)
			check.add(all.units, split)
			all.units++
		}
		if split.offset >= next {
			next = split.offset + piece
			told.tell(split.offset, file.size)
		}
	}
	usable, wrong := check.end()
	switch {
	case wrong != nil:
		return nil, wrong // it comes before what could not be split
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	told.tell(file.size, file.size)
	all.usable = usable
	all.read = func(unit int64) ([]harness.Conversation, error) {
		at := index.before(unit)
		split := newElements(file.from(at.offset), at.offset)
		for n := at.first; n <= unit; n++ {
			if err := split.next(n == at.first); err != nil {
				return nil, file.changed(err)
			}
		}
		conversations, err := parse(unit, split.object, true)
		if err != nil {
			return nil, file.changed(err)
		}
		return conversations, nil
	}
	return all, nil
}

// An elementCheck parses objects in the background, some at a time.
type elementCheck struct {
	parse    parseElement
	filling  elementBatch
	batches  chan elementBatch
	checking sync.WaitGroup
	usable   atomic.Int64
	failed   atomic.Bool

	mu    sync.Mutex
	first int64 // number of the first wrong one
	wrong error
}

// An elementBatch is objects one after the other.
type elementBatch struct {
	number int64 // of the first
	text   []byte
	ends   []int   // in the text
	lines  []int64 // that they begin on
}

// batchBytes is how much is handed over at a time: enough to be worth it.
const batchBytes = 128 << 10

func newElementCheck(parse parseElement) *elementCheck {
	c := &elementCheck{parse: parse, batches: make(chan elementBatch)}
	for range runtime.GOMAXPROCS(0) {
		c.checking.Go(func() {
			for batch := range c.batches {
				c.check(batch)
			}
		})
	}
	return c
}

func (c *elementCheck) add(number int64, split *elements) {
	b := &c.filling
	if len(b.ends) == 0 {
		b.number, b.text = number, make([]byte, 0, batchBytes+len(split.object))
	}
	b.text = append(b.text, split.object...)
	b.ends = append(b.ends, len(b.text))
	b.lines = append(b.lines, split.line-int64(bytes.Count(split.object, []byte{'\n'})))
	if len(b.text) >= batchBytes {
		c.batches <- *b
		c.filling = elementBatch{}
	}
}

func (c *elementCheck) check(b elementBatch) {
	from := 0
	for i, end := range b.ends {
		raw := b.text[from:end]
		from = end
		parsed, err := c.parse(b.number+int64(i), raw, false)
		if err != nil {
			c.fail(b.number+int64(i), whereInJSON(raw, b.lines[i], err))
			return
		}
		c.usable.Add(int64(len(parsed)))
	}
}

func (c *elementCheck) fail(number int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wrong == nil || number < c.first {
		c.first, c.wrong = number, err
	}
	c.failed.Store(true)
}

// end waits for what is being checked.
func (c *elementCheck) end() (usable int64, wrong error) {
	c.batches <- c.filling
	close(c.batches)
	c.checking.Wait()
	return c.usable.Load(), c.wrong
}

// whereInJSON says on which line an object is wrong, where encoding/json says how far
// into it; what is wrong with a conversation says its number instead.
func whereInJSON(raw []byte, line int64, err error) error {
	var offset int64
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = kind.Offset
	} else {
		return err
	}
	line += int64(bytes.Count(raw[:min(int(offset), len(raw))], []byte{'\n'}))
	return &lineError{line, fmt.Errorf("%w; %s", explainJSON(err), arrayForm)}
}
