package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines reads the lines of a file, one after the other.
type lines struct {
	scan   *bufio.Scanner
	begins int64 // where the line begins in the file
	next   int64 // where the one after it does
}

func newLines(r io.Reader, from int64) *lines {
	l := &lines{scan: bufio.NewScanner(r), next: from}
	l.scan.Buffer(nil, longestRecord)
	l.scan.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		advance, token, err := splitLine(data, atEOF)
		if advance > 0 {
			l.begins, l.next = l.next, l.next+int64(advance)
		}
		return advance, token, err
	})
	return l
}

// splitLine is bufio.ScanLines for lines that may end in CR too.
func splitLine(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if atEOF && len(data) == 0 {
		return 0, nil, nil
	}
	end := bytes.IndexByte(data, '\n')
	within := data
	if end >= 0 {
		within = data[:end]
	}
	if cr := bytes.IndexByte(within, '\r'); cr >= 0 {
		switch {
		case cr+1 == end:
			return cr + 2, data[:cr], nil
		case cr+1 < len(data) || atEOF:
			return cr + 1, data[:cr], nil
		}
		return 0, nil, nil // an LF may follow
	}
	switch {
	case end >= 0:
		return end + 1, within, nil
	case atEOF:
		return len(data), data, nil
	}
	return 0, nil, nil
}

// text is the line, or nothing where there is nothing on it.
func (l *lines) text() []byte {
	text := l.scan.Bytes()
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return text
}

func (l *lines) err() error {
	if errors.Is(l.scan.Err(), bufio.ErrTooLong) {
		return errTooLong
	}
	return l.scan.Err()
}

// piece is how many bytes of a file one goroutine checks at a time.
const piece = 4 << 20

// A checked is what came of checking a piece.
type checked struct {
	places         places // their records are numbered from the piece's first
	records, lines int64
	left           leftOut // its lines and records are numbered from the piece's first
	err            error   // of the last of these lines
}

// checkLines reads every line of a file, several pieces at a time, and returns where
// they are, and how many there are and can be asked.
func checkLines(file *openFile, check func(text []byte) error, told progress) (all places, left leftOut, err error) {
	pieces := make([]checked, (file.size+piece-1)/piece)
	inOrder(len(pieces), func(i int) error {
		pieces[i] = checkPiece(file, int64(i)*piece, check)
		return pieces[i].err
	}, func(done int) { told.tell(int64(done)*piece, file.size) })
	line := int64(0)
	for _, p := range pieces {
		if p.err != nil {
			return nil, left, &lineError{line + p.lines, p.err}
		}
		for _, at := range p.places {
			all.note(at.offset, left.of+at.first)
		}
		p.left.of = p.records
		left.add(&p.left, left.of, line)
		line += p.lines
	}
	return all, left, nil
}

// checkPiece checks the lines that begin in a piece.
func checkPiece(file *openFile, from int64, check func([]byte) error) (c checked) {
	l := newLines(file.from(from), from)
	if from > 0 { // the line that goes on here, if only for its line break, is the piece before's
		l = newLines(file.from(from-1), from-1)
		l.scan.Scan()
	}
	for l.next < from+piece && l.scan.Scan() {
		c.lines++
		text := l.text()
		if text == nil {
			continue
		}
		if c.err = validText(text); c.err == nil {
			c.err = check(text)
		}
		if c.left.take(c.records, c.lines, c.err) {
			c.err = nil
		}
		if c.err != nil {
			return c
		}
		c.places.note(l.begins, c.records)
		c.records++
	}
	if c.err = l.err(); c.err != nil {
		c.lines++ // the line that could not be read
	}
	return c
}
