package trace

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// A traceFile is a trace that is read as it is played, and what was found when it was read
// for the first time: a week of a large service is millions of rows.
type traceFile struct {
	*source.File
	form  layout
	facts facts
	notes []string // how it was read, where that is not as usual
}

// scan finds the form of a file, and reads it once.
func scan(file *source.File) (*traceFile, error) {
	t := &traceFile{File: file}
	if err := t.sniff(); err != nil {
		return nil, err
	}
	err := t.scan()
	if errors.Is(err, errOpenQuote) {
		t.form.quoted = true // a cell has several lines: they are read one after the other
		err = t.scan()
	}
	if err == nil {
		err = t.facts.check()
	}
	return t, err
}

// mustBeArray is what a trace in JSON must be, for errors.
const mustBeArray = "a trace in JSON is an array of objects, or one each line"

// sniff finds the form by the first row.
func (t *traceFile) sniff() error {
	first := source.NewElements(t.From(0), 0, mustBeArray)
	b, err := first.Token()
	switch {
	case errors.Is(err, io.EOF):
		return errNoRequest
	case err != nil:
		return err
	case b == '{' || b == '[':
		return t.sniffJSON(b == '[')
	}
	return t.sniffTable()
}

var errNoRequest = errors.New("there is no request in it")

// sniffTable reads the header of a table, and the first instant in it.
func (t *traceFile) sniffTable() error {
	f := &t.form
	find := func(header []string) [3]int {
		return [3]int{firstColumn(header, instantNames), firstColumn(header, promptNames), firstColumn(header, answerNames)}
	}
	rows, err := source.NewTable(t.File, t.From(0), func(header []string) bool { return find(header)[0] >= 0 && len(header) > 1 })
	if err != nil {
		return err
	}
	f.wanted, f.columns, f.comma = find(rows.Header), len(rows.Header), byte(rows.Comma)
	f.lengths = f.wanted[1] >= 0 && f.wanted[2] >= 0
	if f.wanted[0] < 0 || (f.wanted[1] >= 0) != (f.wanted[2] >= 0) {
		return source.AtLine(1, fmt.Errorf("the columns are %q; Azure's are TIMESTAMP, ContextTokens, GeneratedTokens, BurstGPT's Timestamp, Request tokens, Response tokens", rows.Header))
	}
	t.notes = rows.Note(t.Path)
	f.begins = rows.Offset()
	head := make([]byte, f.begins)
	if _, err := io.ReadFull(t.From(0), head); err != nil {
		return err
	}
	f.lines = int64(bytes.Count(head, []byte{'\n'}))
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return errNoRequest
		}
		if err != nil {
			return err
		}
		if at := strings.TrimSpace(row[f.wanted[0]]); !source.IsMissing(at) {
			return f.instants(f.point([]byte(at)), rows.Line(), rows.Header[f.wanted[0]], plainSeconds)
		}
	}
}

// firstColumn is the column that has the first of the names that one has.
func firstColumn(header []string, names []string) int {
	for _, name := range names {
		if i := source.Column(header, name); i >= 0 {
			return i
		}
	}
	return -1
}

// sniffJSON reads the names of the fields of the first object, and its instant.
func (t *traceFile) sniffJSON(array bool) error {
	f := &t.form
	f.json, f.array = true, array
	first := source.NewElements(t.From(0), 0, mustBeArray)
	err := first.Begin()
	if err == nil {
		err = first.Next(true)
	}
	if errors.Is(err, io.EOF) {
		return errNoRequest
	}
	var fields map[string]json.RawMessage
	if err == nil && json.Unmarshal(first.Object, &fields) == nil {
		names := slices.Sorted(maps.Keys(fields))
		for i, wanted := range [][]string{instantNames, promptNames, answerNames, blockNames} {
			name := ""
			if at := firstColumn(names, wanted); at >= 0 {
				name = names[at]
			}
			if i == len(f.names) {
				f.blocks = name
			} else {
				f.names[i] = name
			}
		}
		f.lengths = f.names[1] != "" || f.names[2] != ""
	}
	f.names[0] = cmp.Or(f.names[0], "timestamp")
	if fields[f.names[0]] == nil {
		_, err := (&rowReader{form: &layout{names: [3]string{"timestamp"}}}).object(first.Object)
		return source.AtLine(max(1, first.Began), err)
	}
	usual := plainSeconds
	if strings.HasPrefix(source.Fold(f.names[0]), "timestamp") {
		usual = milliseconds // Mooncake's
	}
	return f.instants(bytes.Trim(fields[f.names[0]], `"`), first.Began, f.names[0], usual)
}

// instants says how instants are written, by the first of them and the name of its column.
func (f *layout) instants(first []byte, line int64, name string, usual unit) error {
	number, isNumber := parseDecimal(first)
	f.dated, f.unit, f.first = !isNumber, usual, number
	for suffix, u := range map[string]unit{"_ms": milliseconds, "_s": plainSeconds, "_us": {"microseconds", time.Microsecond}, "_ns": {"nanoseconds", time.Nanosecond}} {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			f.unit = u
			return nil
		}
	}
	since := sinceEpoch(number.float())
	switch {
	case f.dated || since == nil && usual == milliseconds:
	case usual == milliseconds:
		return source.AtLine(line, since.refuse(number.float()))
	case since != nil:
		f.unit = since.unit
	case number.float() >= 1.2e12 && number.float() <= 4e12: // since 1970 too
		f.unit = milliseconds
	}
	return nil
}

// scan reads every row.
func (t *traceFile) scan() error {
	t.facts = newFacts(&t.form)
	if t.form.array || t.form.quoted {
		return t.scanInOrder()
	}
	pieces := make([]facts, (t.Size-t.form.begins+source.PieceSize-1)/source.PieceSize)
	source.InParallel(len(pieces), func(i int) error {
		pieces[i] = t.scanPiece(t.form.begins + int64(i)*source.PieceSize)
		return pieces[i].err
	}, func(int) {})
	t.facts.lines = t.form.lines
	for i := range pieces {
		if err := pieces[i].err; err != nil {
			return source.AtLine(t.facts.lines+pieces[i].lines, err)
		}
		names := t.facts.names
		lines := t.facts.lines
		if t.facts.join(&pieces[i]); names.fit() && !t.facts.names.fit() {
			return t.misfit(names, lines, t.form.begins+int64(i)*source.PieceSize)
		}
	}
	return nil
}

// scanPiece reads the rows that begin in a piece.
func (t *traceFile) scanPiece(from int64) facts {
	facts := newFacts(&t.form)
	facts.err = t.inPiece(from, func(line int64, q requestRow, err error) error {
		switch {
		case err == nil:
			facts.add(q, line)
		case !facts.left.Take(facts.left.Of, line, err):
			return err
		}
		facts.left.Of++
		return nil
	}, &facts.lines)
	return facts
}

// inPiece does something with each row that begins in a piece; lines are counted from it.
func (t *traceFile) inPiece(from int64, do func(line int64, q requestRow, err error) error, lines *int64) error {
	l := source.LinesFrom(t.File, from, t.form.begins)
	reader := rowReader{form: &t.form}
	for l.Next < from+source.PieceSize && l.Scan() {
		*lines++
		text := l.Text()
		if text == nil || t.form.blank(text) {
			continue
		}
		q, err := reader.row(text)
		if err = do(*lines, q, err); err != nil {
			return err
		}
	}
	if err := l.Err(); err != nil {
		*lines++ // the line that could not be read
		return err
	}
	return nil
}

// blank reports whether a row of a table has nothing in it.
func (f *layout) blank(text []byte) bool {
	return !f.json && text[0] == f.comma && len(bytes.Trim(text, string(f.comma)+" ")) == 0
}

// misfit finds the line of a piece with which no size of blocks is left.
func (t *traceFile) misfit(names blocks, lines, from int64) error {
	within := int64(0)
	err := t.inPiece(from, func(line int64, q requestRow, err error) error {
		if err == nil {
			names.add(q.prompt, len(q.blocks), lines+line)
		}
		if names.fit() {
			return nil
		}
		_, err = names.size()
		return err
	}, &within)
	return err
}

// scanInOrder reads what cannot be divided.
func (t *traceFile) scanInOrder() error {
	for row, err := range t.inFileOrder() {
		switch {
		case err == nil:
			t.facts.add(row.requestRow, row.line)
			if !t.facts.names.fit() {
				_, err = t.facts.names.size()
				return err
			}
		case !t.facts.left.Take(t.facts.left.Of, row.line, err):
			if _, named := errors.AsType[*source.LineError](err); named {
				return err
			}
			return source.AtLine(row.line, err)
		}
		t.facts.left.Of++
	}
	return nil
}

// A placedRow is a row and its line.
type placedRow struct {
	requestRow
	line int64
}

// inFileOrder is every row of the file with what is wrong with it.
func (t *traceFile) inFileOrder() iter.Seq2[placedRow, error] {
	switch {
	case t.form.array:
		return t.arrayRows
	case t.form.quoted:
		return t.quotedRows
	}
	return func(yield func(placedRow, error) bool) {
		l := source.NewLines(t.From(t.form.begins), t.form.begins)
		reader := rowReader{form: &t.form}
		for l.Scan() {
			text := l.Text()
			if text == nil || t.form.blank(text) {
				continue
			}
			if q, err := reader.row(text); !yield(placedRow{q, 0}, err) {
				return
			}
		}
		if err := l.Err(); err != nil {
			yield(placedRow{}, err)
		}
	}
}

// quotedRows are those of a table some of whose cells have several lines.
func (t *traceFile) quotedRows(yield func(placedRow, error) bool) {
	f := &t.form
	rows := source.Rows(t.From(0), f.columns, rune(f.comma))
	reader := rowReader{form: f}
	for header := true; ; header = false {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if header {
			continue
		}
		at := placedRow{}
		if err == nil {
			for i, wanted := range f.wanted {
				if wanted >= 0 {
					reader.cells[i] = []byte(row[wanted])
				}
			}
			at.line = rows.Line()
			at.requestRow, err = reader.fromCells(at.requestRow)
		}
		if !yield(at, err) {
			return
		}
	}
}

// arrayRows are the objects of a JSON array.
func (t *traceFile) arrayRows(yield func(placedRow, error) bool) {
	split := source.NewElements(t.From(0), 0, mustBeArray)
	reader := rowReader{form: &t.form}
	err := split.Begin()
	for first := true; err == nil; first = false {
		if err = split.Next(first); err != nil {
			break
		}
		at := placedRow{line: split.Began}
		q, wrong := reader.row(split.Object)
		if at.requestRow = q; !yield(at, wrong) {
			return
		}
	}
	if !errors.Is(err, io.EOF) {
		yield(placedRow{}, err)
	}
}
