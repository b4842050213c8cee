package source

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// Lines reads the lines of a file, one after the other.
type Lines struct {
	scanner *bufio.Scanner
	begins  int64 // where the line begins in the file
	Next    int64 // where the one after it does
}

// NewLines reads lines from r, which begins at an offset of the file.
func NewLines(r io.Reader, offset int64) *Lines {
	l := &Lines{scanner: bufio.NewScanner(r), Next: offset}
	l.scanner.Buffer(nil, longestRecord)
	l.scanner.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		advance, token, err := splitLine(data, atEOF)
		if advance > 0 {
			l.begins, l.Next = l.Next, l.Next+int64(advance)
		}
		return advance, token, err
	})
	return l
}

// LinesFrom reads the lines that begin at an offset or after it; those of the file begin at first. A line that
// reaches across the offset, if only with its line break, belongs to what comes before.
func LinesFrom(file *File, offset, first int64) *Lines {
	if offset <= first {
		return NewLines(file.From(offset), offset)
	}
	l := NewLines(file.From(offset-1), offset-1)
	l.Scan()
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

// Scan goes to the next line, and reports whether there is one.
func (l *Lines) Scan() bool { return l.scanner.Scan() }

// Text is the line; nil where it is empty. It is valid until the next Scan.
func (l *Lines) Text() []byte {
	text := l.scanner.Bytes()
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return text
}

// Err is why the lines ended before the end of the file; nil where they did not.
func (l *Lines) Err() error {
	if errors.Is(l.scanner.Err(), bufio.ErrTooLong) {
		return errTooLong
	}
	return l.scanner.Err()
}

// PieceSize is how many bytes of a file one goroutine checks at a time.
const PieceSize = 4 << 20

// A checked is what came of checking a piece.
type checked struct {
	places         Places // their records are numbered from the piece's first
	records, lines int64
	left           LeftOut // its lines and records are numbered from the piece's first
	err            error   // of the last of these lines
}

// CheckLines reads every line of a file, several pieces at a time, and returns where
// they are, and how many there are and can be asked.
func CheckLines(file *File, check func(text []byte) error, progress Progress) (all Places, left LeftOut, err error) {
	pieces := make([]checked, (file.Size+PieceSize-1)/PieceSize)
	InParallel(len(pieces), func(i int) error {
		pieces[i] = checkPiece(file, int64(i)*PieceSize, check)
		return pieces[i].err
	}, func(done int) { progress.Report(int64(done)*PieceSize, file.Size) })
	line := int64(0)
	for _, p := range pieces {
		if p.err != nil {
			return nil, left, &LineError{line + p.lines, p.err}
		}
		for _, at := range p.places {
			all.Note(at.Offset, left.Of+at.First)
		}
		p.left.Of = p.records
		left.Add(&p.left, left.Of, line)
		line += p.lines
	}
	return all, left, nil
}

// checkPiece checks the lines that begin in a piece.
func checkPiece(file *File, from int64, check func([]byte) error) (c checked) {
	l := LinesFrom(file, from, 0)
	for l.Next < from+PieceSize && l.Scan() {
		c.lines++
		text := l.Text()
		if text == nil {
			continue
		}
		if c.err = ValidText(text); c.err == nil {
			c.err = check(text)
		}
		if c.left.Take(c.records, c.lines, c.err) {
			c.err = nil
		}
		if c.err != nil {
			return c
		}
		c.places.Note(l.begins, c.records)
		c.records++
	}
	if c.err = l.Err(); c.err != nil {
		c.lines++ // the line that could not be read
	}
	return c
}
