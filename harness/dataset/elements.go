package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// parseElement reads an object; the error of one that cannot be asked is a *source.Unaskable.
type parseElement func(number int64, raw []byte, inline bool) (harness.Conversation, error)

// elementRecords are the objects of a JSON array, or of lines. One goroutine splits the file, since
// only who has read what comes before an object knows where it begins; others parse. What the file must be is for errors.
func elementRecords(file *source.File, form string, parse parseElement, progress source.Progress) (*records, error) {
	split := source.NewElements(file.From(0), 0, form)
	split.Any = true
	parse = ofObjects(parse)
	if err := split.Begin(); err != nil {
		return nil, err
	}
	check := newElementCheck(form, parse)
	all := &records{file: file}
	var index source.Places
	var err error
	for next := int64(source.PieceSize); err == nil && !check.failed.Load(); {
		if err = split.Next(all.units == 0); err == nil {
			index.Note(split.Begins, all.units)
			check.add(all.units, split)
			all.units++
		}
		if split.Offset >= next {
			next = split.Offset + source.PieceSize
			progress.Report(split.Offset, file.Size)
		}
	}
	wrong := check.end()
	switch {
	case wrong != nil:
		return nil, wrong // it comes before what could not be split
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	progress.Report(file.Size, file.Size)
	check.left.Of = all.units
	all.left, all.usable = check.left, all.units-check.left.Sum()
	all.read = func(unit int64) ([]harness.Conversation, error) {
		at := index.Before(unit)
		again := source.NewElements(file.From(at.Offset), at.Offset, form)
		again.Plain, again.Any = split.Plain, true
		for n := at.First; n <= unit; n++ {
			if err := again.Next(n == at.First); err != nil {
				return nil, file.Changed(err)
			}
		}
		c, err := parse(unit, again.Object, true)
		return asked(file, c, err)
	}
	return all, nil
}

// ofObjects leaves out what is no object.
func ofObjects(parse parseElement) parseElement {
	return func(number int64, raw []byte, inline bool) (harness.Conversation, error) {
		if raw[0] != '{' {
			return harness.Conversation{}, source.NewUnaskable(source.OtherForm, fmt.Sprintf("element %d of the array is no object: %.40s", number+1, raw))
		}
		return parse(number, raw, inline)
	}
}

// An elementCheck parses objects in the background, some at a time.
type elementCheck struct {
	parse    parseElement
	form     string // what the file must be, for errors
	filling  elementBatch
	batches  chan elementBatch
	checking sync.WaitGroup
	failed   atomic.Bool

	mu    sync.Mutex
	left  source.LeftOut
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

// batchBytes is how much is handed over at a time: enough to pay for it.
const batchBytes = 128 << 10

func newElementCheck(form string, parse parseElement) *elementCheck {
	c := &elementCheck{parse: parse, form: form, batches: make(chan elementBatch)}
	for range runtime.GOMAXPROCS(0) {
		c.checking.Go(func() {
			for batch := range c.batches {
				c.check(batch)
			}
		})
	}
	return c
}

func (c *elementCheck) add(number int64, split *source.Elements) {
	b := &c.filling
	if len(b.ends) == 0 {
		b.number, b.text = number, make([]byte, 0, batchBytes+len(split.Object))
	}
	b.text = append(b.text, split.Object...)
	b.ends = append(b.ends, len(b.text))
	b.lines = append(b.lines, split.Began)
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
		number := b.number + int64(i)
		err := invalidAt(raw, b.lines[i])
		if err == nil {
			_, err = c.parse(number, raw, false)
		}
		if err != nil && !c.leftOut(number, b.lines[i], err) {
			c.fail(number, c.where(raw, b.lines[i], number, err))
			return
		}
	}
}

// leftOut counts an object that cannot be asked; false where it is wrong.
func (c *elementCheck) leftOut(number, line int64, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.left.Take(number, line, err)
}

// invalidAt says on which line of an object there is a byte that is no UTF-8.
func invalidAt(raw []byte, line int64) error {
	if source.ValidText(raw) == nil {
		return nil
	}
	_, err := source.UTF8(raw)
	if within, ok := errors.AsType[*source.LineError](err); ok {
		return source.AtLine(line+within.Line-1, within.Err)
	}
	return err
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
func (c *elementCheck) end() (wrong error) {
	c.batches <- c.filling
	close(c.batches)
	c.checking.Wait()
	return c.wrong
}

// where says on which line an object is wrong, where encoding/json says how far
// into it. In a file of one line that says nothing, and the number of the object does.
func (c *elementCheck) where(raw []byte, line, number int64, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line += int64(bytes.Count(raw[:min(int(syntax.Offset), len(raw))], []byte{'\n'}))
		err = fmt.Errorf("%w; %s", err, c.form)
	} else if _, ok := errors.AsType[*source.LineError](err); ok {
		return err
	}
	if line == 1 && number > 0 {
		return err
	}
	return source.AtLine(line, err)
}
