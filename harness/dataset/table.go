package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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

// at reads on to a row from a place before it.
func (t *table) at(file *openFile, at place, record int64) (row []string, err error) {
	from := &table{rows: newRows(file.from(at.offset), t.comma), header: t.header, comma: t.comma}
	for n := at.first; n <= record && err == nil; n++ {
		row, err = from.next()
	}
	return row, err
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

func folded(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}
