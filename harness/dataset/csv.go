package dataset

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// A table is a file of separated values that is read row by row.
type table struct {
	rows   *csv.Reader
	header []string
	comma  rune
}

// newTable reads the header. What separates its columns is what it has between them where
// one of them is then called as wanted says.
func newTable(file *openFile, r io.Reader, wanted func(header []string) bool) (*table, error) {
	comma := ','
	for _, other := range []rune{',', ';', '\t', '|'} {
		header, err := newRows(file.from(0), other).Read()
		if err == nil && wanted(header) {
			comma = other
			break
		}
	}
	t := &table{rows: newRows(r, comma), comma: comma}
	header, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	}
	t.header = slices.Clone(header)
	return t, inTable(err)
}

func newRows(r io.Reader, comma rune) *csv.Reader {
	rows := csv.NewReader(r)
	rows.Comma, rows.ReuseRecord, rows.FieldsPerRecord = comma, true, -1
	return rows
}

// next is the next row that has something in it.
func (t *table) next() (row []string, err error) {
	for {
		row, err = t.rows.Read()
		if err != nil {
			return nil, inTable(err)
		}
		if err := validText([]byte(strings.Join(row, " "))); err != nil {
			return nil, t.wrong(err)
		}
		if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue // spreadsheets save empty rows
		}
		for len(row) > len(t.header) && strings.TrimSpace(row[len(row)-1]) == "" {
			row = row[:len(row)-1]
		}
		if len(row) != len(t.header) {
			return nil, t.wrong(fmt.Errorf(`the row has %d cells, and there are %d columns; put a text with %s or a line break in it between quotes: "…"`, len(row), len(t.header), separator(t.comma)))
		}
		return row, nil
	}
}

// line is where the row begins.
func (t *table) line() int64 {
	line, _ := t.rows.FieldPos(0)
	return int64(line)
}

func (t *table) wrong(err error) error { return &lineError{t.line(), err} }

// note says how the table is separated, where that is not by commas.
func (t *table) note(path string) []string {
	if t.comma == ',' {
		return nil
	}
	return []string{fmt.Sprintf("%s is read as separated by %s, as its header is", path, separator(t.comma))}
}

func separator(comma rune) string {
	return map[rune]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars"}[comma]
}

// inTable says in our words what encoding/csv says in Go's.
func inTable(err error) error {
	wrong, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case !ok:
		return err
	case errors.Is(err, csv.ErrBareQuote):
		return &lineError{int64(wrong.Line), errors.New(`there is a quote in a cell that does not begin with one; write "say ""hello"" twice"`)}
	case errors.Is(err, csv.ErrQuote):
		return &lineError{int64(wrong.StartLine), errors.New(`a quote of this row is not closed, or something follows it; write quotes in a text twice: "say ""hello"" twice"`)}
	}
	return &lineError{int64(wrong.Line), wrong.Err}
}

// csvRecords are the rows of a file. They are checked one after the other: what begins
// a row is known only once the quotes before it are.
func csvRecords(file *openFile, read reading, note func([]unknown) error, told progress) (*records, error) {
	under := newBounded(file.from(0))
	rows, err := newTable(file, under, func(header []string) bool { return askingColumn(header) >= 0 })
	if err != nil {
		return nil, err
	}
	columns := promptColumns{askingColumn(rows.header), column(rows.header, boundNames...), rows.comma != ','}
	if columns.prompt < 0 {
		return nil, &lineError{1, fmt.Errorf("the columns are %q; one must be named prompt, another can be max_tokens", rows.header)}
	}
	if err := others(rows.header, strings.TrimSpace(rows.header[columns.prompt]), note); err != nil {
		return nil, &lineError{1, err}
	}
	var all places
	var left leftOut
	for next := int64(piece); ; left.of++ {
		under.again()
		begins := rows.rows.InputOffset()
		row, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		l, err := columns.line(rows.header, row)
		if err == nil {
			_, err = read(l, false)
		}
		if err != nil && !left.take(left.of, rows.line(), err) {
			return nil, rows.wrong(err)
		}
		all.note(begins, left.of)
		if begins >= next {
			next = begins + piece
			told.tell(begins, file.size)
		}
	}
	told.tell(file.size, file.size)
	again := func(record int64) ([]harness.Conversation, error) {
		row, err := rows.at(file, all.before(record), record)
		if err != nil {
			return nil, file.changed(err)
		}
		l, err := columns.line(rows.header, row)
		if err != nil {
			return nil, file.changed(err)
		}
		return file.asked(read(l, true))
	}
	return &records{units: left.of, usable: left.of - left.sum(), left: left, notes: rows.note(file.path), read: again, file: file}, nil
}

// at reads on to a row from a place before it.
func (t *table) at(file *openFile, at place, record int64) (row []string, err error) {
	from := &table{rows: newRows(file.from(at.offset), t.comma), header: t.header, comma: t.comma}
	for n := at.first; n <= record && err == nil; n++ {
		row, err = from.next()
	}
	return row, err
}

// boundNames are the names that the column of how long an answer may be has.
var boundNames = []string{"max_tokens", "max_completion_tokens", "output_tokens"}

// askingColumn is the index of the column of prompts, or of messages, or -1.
func askingColumn(header []string) int {
	if i := column(header, "prompt"); i >= 0 {
		return i
	}
	return column(header, "messages")
}

// others names the columns beside those that are read, or refuses one. What is asked stands
// in the column of that name.
func others(header []string, asked string, note func([]unknown) error) error {
	var names []unknown
	bounded, asking := false, false
	for _, name := range header {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			continue
		case name == asked && !asking:
			asking = true
			continue
		case called(name, asked):
			return fmt.Errorf("the columns %q say twice what is asked; keep one", header)
		case called(name, boundNames...):
			if bounded {
				return fmt.Errorf("the columns %q say twice how long an answer may be; keep one", header)
			}
			bounded = true
			continue
		}
		lower := strings.ReplaceAll(strings.ToLower(name), " ", "_")
		if err := checkColumn(lower); err != nil {
			return err
		}
		if kindOf(lower, false) != describeField {
			names = append(names, unknown{name, false})
		}
	}
	return note(names)
}

type promptColumns struct {
	prompt, bound int
	decimalComma  bool
}

func (c promptColumns) line(header, row []string) (l line, err error) {
	l.asks = true
	switch cell := row[c.prompt]; {
	case isNotSaid(cell):
	case called(header[c.prompt], "messages"):
		if halfCharacter([]byte(cell)) {
			return l, errHalfCharacter
		}
		if err := json.Unmarshal([]byte(cell), &l.Messages); err != nil {
			return l, fmt.Errorf(`the messages are %.60q; write them in JSON: [{"role": "user", "content": "…"}]`, cell)
		}
	default:
		l.Prompt = cell
	}
	if c.bound >= 0 {
		if l.MaxTokens, _, err = wholeNumber(row[c.bound], c.decimalComma); err != nil {
			return l, fmt.Errorf("max_tokens is %w", err)
		}
	}
	return l, nil
}

// column is the index of the first column that has one of the names, or -1.
func column(header []string, names ...string) int {
	return slices.IndexFunc(header, func(field string) bool { return called(field, names...) })
}

// called reports whether a column has one of the names, however it is written: Max Tokens
// is max_tokens.
func called(field string, names ...string) bool {
	field = folded(field)
	return slices.ContainsFunc(names, func(name string) bool { return folded(name) == field })
}
