package server

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// lastLines is how many lines of a server's log are shown when it fails.
const lastLines = 15

// longestLine is where a line of the log is cut that has no end.
const longestLine = 64 << 10

// A logbook is what a server writes, in a file, without what must not be shown.
type logbook struct {
	path   string
	redact func(string) string

	mu      sync.Mutex
	file    *os.File
	length  int64
	pending []byte // of a line that has not ended
	last    []string
}

func openLogbook(path string, redact func(string) string) (*logbook, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("the server's log cannot be kept: %w", err)
	}
	return &logbook{path: path, redact: redact, file: file}, nil
}

// Write takes output as it comes; it is kept line by line, because a secret may
// come in two pieces.
func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, p...)
	for {
		end := bytes.IndexByte(b.pending, '\n')
		if end < 0 && len(b.pending) < longestLine {
			return len(p), nil
		}
		if end < 0 {
			b.cut()
			continue
		}
		b.line(string(b.pending[:end+1]))
		b.pending = append(b.pending[:0], b.pending[end+1:]...)
	}
}

// longestSecret is how much of a line that is cut may be a secret that has not come whole.
const longestSecret = 8 << 10

// cut writes most of a line that does not end. What may be the beginning of a secret waits for
// the rest of it.
func (b *logbook) cut() {
	s := b.redact(string(b.pending))
	kept := max(0, len(s)-longestSecret)
	b.write(s[:kept])
	b.pending = append(b.pending[:0], s[kept:]...)
}

func (b *logbook) line(s string) { b.write(b.redact(s)) }

// write writes what holds no secret any more.
func (b *logbook) write(s string) {
	if n, err := io.WriteString(b.file, s); err == nil { // a server must not stop because our disk is full
		b.length += int64(n)
	}
	if s = strings.TrimRight(s, "\r\n"); strings.TrimSpace(s) != "" {
		b.last = append(b.last[max(0, len(b.last)-lastLines+1):], s)
	}
}

// tail is the last lines, each indented.
func (b *logbook) tail() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.last) == 0 && len(b.pending) == 0 {
		return "      (it wrote nothing)"
	}
	lines := b.last
	if len(b.pending) > 0 {
		lines = append(lines, b.redact(string(b.pending)))
	}
	return "      " + strings.Join(lines, "\n      ")
}

// latest is the last line.
func (b *logbook) latest() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.last) == 0 {
		return ""
	}
	return b.last[len(b.last)-1]
}

func (b *logbook) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.length
}

// mostOfALog is how much of it is kept with one run; of a longer one, the end.
const mostOfALog = 16 << 20

// since is what was written from a place on.
func (b *logbook) since(from int64) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from = max(from, b.length-mostOfALog)
	file, err := os.Open(b.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.NewSectionReader(file, from, b.length-from))
}

func (b *logbook) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) > 0 {
		b.line(string(b.pending))
		b.pending = nil
	}
	return b.file.Close()
}
