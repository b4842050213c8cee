package source

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Table is a file of separated values that is read row by row.
type Table struct {
	Header []string
	Comma  rune // what separates its columns

	rows *csv.Reader
}

// NewTable reads the header. Columns are separated by whichever of comma, semicolon, tab and bar
// gives a header that wanted accepts; by commas where none does.
func NewTable(file *File, r io.Reader, wanted func(header []string) bool) (*Table, error) {
	comma := ','
	for _, other := range []rune{',', ';', '\t', '|'} {
		header, err := newRows(file.From(0), other).Read()
		if err == nil && wanted(header) {
			comma = other
			break
		}
	}
	t := &Table{rows: newRows(r, comma), Comma: comma}
	header, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	}
	t.Header = slices.Clone(header)
	return t, inTable(err)
}

func newRows(r io.Reader, comma rune) *csv.Reader {
	rows := csv.NewReader(r)
	rows.Comma, rows.ReuseRecord, rows.FieldsPerRecord = comma, true, -1
	return rows
}

// Rows reads a table whose columns are known: its header comes as its first row.
func Rows(r io.Reader, columns int, comma rune) *Table {
	return &Table{rows: newRows(r, comma), Header: make([]string, columns), Comma: comma}
}

// Offset is where the next row begins in what is read.
func (t *Table) Offset() int64 { return t.rows.InputOffset() }

// Next is the next row that has something in it.
func (t *Table) Next() (row []string, err error) {
	for {
		row, err = t.rows.Read()
		if err != nil {
			return nil, inTable(err)
		}
		if err := ValidText([]byte(strings.Join(row, " "))); err != nil {
			return nil, t.Wrong(err)
		}
		if !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
			continue // spreadsheets save empty rows
		}
		for len(row) > len(t.Header) && strings.TrimSpace(row[len(row)-1]) == "" {
			row = row[:len(row)-1]
		}
		if len(row) != len(t.Header) {
			return nil, t.Wrong(fmt.Errorf(`the row has %d cells, and there are %d columns; put a text with %s or a line break in it between quotes: "…"`, len(row), len(t.Header), separator(t.Comma)))
		}
		return row, nil
	}
}

// Line is where the row begins.
func (t *Table) Line() int64 {
	line, _ := t.rows.FieldPos(0)
	return int64(line)
}

// Wrong is an error of the row that was read last.
func (t *Table) Wrong(err error) error { return AtLine(t.Line(), err) }

// Note says how the table is separated, where that is not by commas.
func (t *Table) Note(path string) []string {
	if t.Comma == ',' {
		return nil
	}
	return []string{fmt.Sprintf("%s is read as separated by %s, as its header is", path, separator(t.Comma))}
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
		return &LineError{int64(wrong.Line), errors.New(`there is a quote in a cell that does not begin with one; write "say ""hello"" twice"`)}
	case errors.Is(err, csv.ErrQuote):
		return &LineError{int64(wrong.StartLine), errors.New(`a quote of this row is not closed, or something follows it; write quotes in a text twice: "say ""hello"" twice"`)}
	}
	return &LineError{int64(wrong.Line), wrong.Err}
}

// At reads on to a row from a place before it.
func (t *Table) At(file *File, at Place, record int64) (row []string, err error) {
	from := &Table{rows: newRows(file.From(at.Offset), t.Comma), Header: t.Header, Comma: t.Comma}
	for n := at.First; n <= record && err == nil; n++ {
		row, err = from.Next()
	}
	return row, err
}

// Column is the index of the first column that has one of the names, or -1.
func Column(header []string, names ...string) int {
	return slices.IndexFunc(header, func(field string) bool { return HasName(field, names...) })
}

// HasName reports whether a column has one of the names, however it is written: Max Tokens
// is max_tokens.
func HasName(field string, names ...string) bool {
	field = Fold(field)
	return slices.ContainsFunc(names, func(name string) bool { return Fold(name) == field })
}

// Fold is a name without what people write differently: case, spaces, hyphens and underscores.
func Fold(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}
