package foreign

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// opened is the text of a file: unpacked where it is gzip's, without a byte order mark, and with
// null in place of NaN and Infinity, which Python writes and JSON does not know.
func opened(file io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(file, 1<<16)
	if begin, _ := r.Peek(2); bytes.Equal(begin, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		r = bufio.NewReaderSize(unpacked, 1<<16)
	}
	if begin, _ := r.Peek(3); bytes.Equal(begin, []byte{0xef, 0xbb, 0xbf}) {
		_, _ = r.Discard(3)
	}
	return &numbers{from: r}, nil
}

// numbers is JSON as Python writes it, read as JSON.
type numbers struct {
	from            *bufio.Reader
	inText, escaped bool
	held            []byte // is given next
}

// Read implements [io.Reader].
func (n *numbers) Read(p []byte) (int, error) {
	if len(n.held) > 0 {
		took := copy(p, n.held)
		n.held = n.held[took:]
		return took, nil
	}
	size := min(len(p), 1<<15)
	if size == 0 {
		return 0, nil
	}
	_, err := n.from.Peek(1)
	if err != nil {
		return 0, err
	}
	chunk, _ := n.from.Peek(min(size, n.from.Buffered()))
	took := n.plain(chunk)
	if took > 0 {
		copy(p, chunk[:took])
		_, _ = n.from.Discard(took)
		return took, nil
	}
	return n.word(p)
}

// plain is how much of what comes can be given as it is.
func (n *numbers) plain(chunk []byte) int {
	for i, c := range chunk {
		switch {
		case n.escaped:
			n.escaped = false
		case n.inText && c == '\\':
			n.escaped = true
		case c == '"':
			n.inText = !n.inText
		case !n.inText && (c == 'N' || c == 'I' || c == '-'):
			return i
		}
	}
	return len(chunk)
}

func btoi(is bool) int {
	if is {
		return 1
	}
	return 0
}

// word gives null in place of a name of a number.
func (n *numbers) word(p []byte) (int, error) {
	for _, name := range []string{"NaN", "Infinity", "-Infinity"} {
		if begin, _ := n.from.Peek(len(name)); string(begin) == name {
			_, _ = n.from.Discard(len(name))
			n.held = []byte("null")
			return n.Read(p)
		}
	}
	c, err := n.from.ReadByte() // a sign, or no JSON, as the decoder will say
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// text opens a file for one pass; close ends it.
func text(path string) (r io.Reader, done func(), err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	r, err = opened(file)
	if err != nil {
		_ = file.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, func() { _ = file.Close() }, nil
}

// longestLine of a file of lines; a record of a request is much shorter.
const longestLine = 64 << 20

// lines are those of a file that hold something, with their numbers. An error ends them, and names its line.
func lines(path string) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		r, done, err := text(path)
		if err != nil {
			yield(line{}, err)
			return
		}
		defer done()
		scan := bufio.NewScanner(r)
		scan.Buffer(make([]byte, 1<<16), longestLine)
		at := line{path: path}
		for scan.Scan() {
			at.number++
			if at.raw = bytes.TrimSpace(scan.Bytes()); len(at.raw) > 0 && !yield(at, nil) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			at.number++
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("it is longer than %d MiB: it is no record of a request", longestLine>>20)
			}
			yield(at, at.fails(err))
		}
	}
}

// A line is one of a file.
type line struct {
	path   string
	number int
	raw    []byte
}

// fails says on which line something is wrong.
func (l line) fails(err error) error { return fmt.Errorf("%s:%d: %w", l.path, l.number, explain(err)) }

// into reads the line as JSON.
func (l line) into(v any) error {
	if err := json.Unmarshal(l.raw, v); err != nil {
		return l.fails(err)
	}
	return nil
}
