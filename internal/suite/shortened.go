package suite

import (
	"bytes"
	"io"
	"regexp"
	"time"
)

// shortened is where godog writes what it shows of a feature, without what a reader has no use for: the
// Go function at the end of the line of each step, and the failures that it lists once more at the end. To
// the line of a scenario it adds which of all it is.
type shortened struct {
	to      io.Writer
	virtual bool          // godog's clock is that of a bubble
	place   func() string // of the scenario that is running: "3 of 14"

	pending []byte // of a line that has not ended
	again   bool   // failures are listed once more
	counted bool   // the line before counted the steps
}

var (
	functionOfStep = regexp.MustCompile(` +# \S+\.go:\d+ -> .*$`)
	placeInFile    = regexp.MustCompile(`^ +.* # .+:\d+$`) // at the end of the line of a scenario
	failuresAgain  = []byte("--- Failed steps:")
	countOfSteps   = regexp.MustCompile(`^(\d+ steps \(.*\)|No steps)$`)
	oneOf          = regexp.MustCompile(`^1 (scenario|step)s `)
	countOfAll     = regexp.MustCompile(`^(\d+ scenarios \(.*\)|No scenarios)$`)
)

func (w *shortened) Write(p []byte) (int, error) {
	w.pending = append(w.pending, p...)
	for {
		line, rest, whole := bytes.Cut(w.pending, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		line = w.line(line)
		if w.pending = append(w.pending[:0], rest...); line == nil {
			continue
		}
		if _, err := w.to.Write(append(line, '\n')); err != nil {
			return len(p), err
		}
	}
}

// line is a line as it is shown; nil: it is not.
func (w *shortened) line(line []byte) []byte {
	timed := w.counted
	w.counted = countOfSteps.Match(line)
	switch {
	case bytes.Equal(line, failuresAgain):
		w.again = true
		return nil
	case w.again && !countOfAll.Match(line):
		return nil
	case timed:
		return w.took(line)
	case countOfAll.Match(line) || w.counted:
		w.again = false
		return oneOf.ReplaceAll(line, []byte("1 $1 "))
	case functionOfStep.Match(line):
		return functionOfStep.ReplaceAll(line, nil)
	case placeInFile.Match(line):
		return append(bytes.Clone(line), " ("+w.place()+")"...)
	}
	w.again = false
	return bytes.Clone(line)
}

// took is the line that says how long a feature took, to the hundredth of a second.
func (w *shortened) took(line []byte) []byte {
	says := string(line)
	if d, err := time.ParseDuration(says); err == nil {
		says = d.Round(10 * time.Millisecond).String()
	}
	if w.virtual {
		says += " of virtual time"
	}
	return []byte(says)
}

// Close writes what is left of a line.
func (w *shortened) Close() error {
	if len(w.pending) == 0 {
		return nil
	}
	_, err := w.to.Write(w.line(w.pending))
	w.pending = nil
	return err
}
