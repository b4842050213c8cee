package suite

import (
	"bytes"
	"io"
	"regexp"
)

// withoutCode is where godog writes what it shows of a feature. godog ends the line of each step with
// the Go function behind it: all sentences have one, and a reader of features has no use for it.
type withoutCode struct {
	to      io.Writer
	pending []byte // of a line that has not ended
}

var functionOfStep = regexp.MustCompile(`(?m) +# \S+\.go:\d+ -> .*$`)

func (w *withoutCode) Write(p []byte) (int, error) {
	w.pending = append(w.pending, p...)
	whole := bytes.LastIndexByte(w.pending, '\n') + 1
	if whole == 0 {
		return len(p), nil
	}
	_, err := w.to.Write(functionOfStep.ReplaceAll(w.pending[:whole], nil))
	w.pending = append(w.pending[:0], w.pending[whole:]...)
	return len(p), err
}

// Close writes what is left of a line.
func (w *withoutCode) Close() error {
	_, err := w.to.Write(functionOfStep.ReplaceAll(w.pending, nil))
	w.pending = nil
	return err
}
