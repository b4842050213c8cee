package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
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
		advance, token, err := bufio.ScanLines(data, atEOF)
		if advance > 0 {
			l.begins, l.next = l.next, l.next+int64(advance)
		}
		return advance, token, err
	})
	return l
}

// text is the line, or nothing where there is nothing on it.
func (l *lines) text() []byte {
	text := l.scan.Bytes()
	if l.begins == 0 {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
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
	err            error // of the last of these lines
}

// checkLines reads every line of a file, several pieces at a time, and returns where
// they are and how many.
func checkLines(file *openFile, check func(text []byte) error, progress func(done, total int64)) (all places, count int64, err error) {
	pieces := make([]checked, (file.size+piece-1)/piece)
	var next, done atomic.Int64
	var failed atomic.Bool
	var told sync.Mutex
	var checking sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(pieces)) {
		checking.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(pieces)) && !failed.Load(); i = next.Add(1) - 1 {
				pieces[i] = checkPiece(file, i*piece, check)
				if pieces[i].err != nil {
					failed.Store(true) // pieces before this one have been taken and will end
				}
				if progress != nil {
					told.Lock()
					progress(min(file.size, done.Add(piece)), file.size)
					told.Unlock()
				}
			}
		})
	}
	checking.Wait()
	line := int64(0)
	for _, p := range pieces {
		if p.err != nil {
			return nil, 0, &lineError{line + p.lines, p.err}
		}
		for _, at := range p.places {
			all.note(at.offset, count+at.first)
		}
		count, line = count+p.records, line+p.lines
	}
	return all, count, nil
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
		if c.err = check(text); c.err != nil {
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

// lineRecords are the lines of a file, each of which is read by parse.
func lineRecords(file *openFile, parse func(text []byte, inline bool) (harness.Conversation, error), progress func(done, total int64)) (*records, error) {
	all, count, err := checkLines(file, func(text []byte) error {
		_, err := parse(text, false)
		return err
	}, progress)
	if err != nil {
		return nil, err
	}
	read := func(record int64) ([]harness.Conversation, error) {
		at := all.before(record)
		l := newLines(file.from(at.offset), at.offset)
		for n := at.first - 1; l.scan.Scan(); {
			if l.text() == nil {
				continue
			}
			if n++; n < record {
				continue
			}
			c, err := parse(l.text(), true)
			if err != nil {
				return nil, file.changed(err)
			}
			return []harness.Conversation{c}, nil
		}
		return nil, file.changed(l.err())
	}
	return &records{units: count, usable: count, read: read, file: file}, nil
}
