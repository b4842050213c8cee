package suite

import (
	"bytes"
	"io"
	"os"
	"sync"
)

// A console is where people and CI systems read along. What is written to it is text, line by
// line, whatever of it came from a server: no secret, and no command to a terminal or a CI system.
// Our own annotations, which are commands, go past that.
type console struct {
	out   io.Writer
	clean func(string) string

	mu      sync.Mutex
	pending []byte // of a line that has not ended: a secret may come in two pieces
}

// longestLine is how much is kept of a line that does not end.
const longestLine = 64 << 10

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(c.pending, p...)
	end := bytes.LastIndexByte(c.pending, '\n') + 1
	if end == 0 && len(c.pending) < longestLine {
		return len(p), nil
	}
	if end == 0 {
		end = len(c.pending)
	}
	_, err := io.WriteString(c.out, c.clean(string(c.pending[:end])))
	c.pending = append(c.pending[:0], c.pending[end:]...)
	return len(p), err
}

// flush writes what is left of a line.
func (c *console) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) > 0 {
		io.WriteString(c.out, c.clean(string(c.pending))+"\n")
		c.pending = nil
	}
}

// command writes a line of ours that a CI system is to obey.
func (c *console) command(line string) error {
	c.flush()
	_, err := io.WriteString(c.out, line+"\n")
	return err
}

// Clean is a text as this console writes it, for who writes past it.
func (c *console) Clean(text string) string { return c.clean(text) }

// File is what it writes to, where that may be a terminal; nil else.
func (c *console) File() *os.File {
	file, _ := c.out.(*os.File)
	return file
}
