package dataset

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// csvRecords are the rows of a file. They are checked one after the other: what begins
// a row is known only once the quotes before it are.
func csvRecords(file *openFile, read reading, told progress) (*records, error) {
	under := newBounded(file.from(0))
	rows := csv.NewReader(under)
	header, err := rows.Read()
	if err != nil {
		return nil, plainEOF(err)
	}
	columns := promptColumns{column(header, "prompt"), column(header, "max_tokens")}
	if columns.prompt < 0 {
		return nil, &lineError{1, fmt.Errorf("the columns are %q; one must be named prompt, another can be max_tokens", header)}
	}
	rows.ReuseRecord = true
	var all places
	count, next := int64(0), int64(piece)
	for {
		under.again()
		begins := rows.InputOffset()
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err // it names the line
		}
		l, err := columns.line(row)
		if err == nil {
			_, err = read(l, false)
		}
		if err != nil {
			number, _ := rows.FieldPos(0)
			return nil, &lineError{int64(number), err}
		}
		all.note(begins, count)
		count++
		if begins >= next {
			next = begins + piece
			told.tell(begins, file.size)
		}
	}
	told.tell(file.size, file.size)
	again := func(record int64) ([]harness.Conversation, error) {
		row, err := rowAt(file, all.before(record), record, len(header))
		if err != nil {
			return nil, file.changed(err)
		}
		l, err := columns.line(row)
		if err != nil {
			return nil, file.changed(err)
		}
		c, err := read(l, true)
		return []harness.Conversation{c}, err
	}
	return &records{units: count, usable: count, read: again, file: file}, nil
}

// rowAt reads on to a row from a place before it.
func rowAt(file *openFile, at place, record int64, fields int) (row []string, err error) {
	rows := csv.NewReader(file.from(at.offset))
	rows.FieldsPerRecord, rows.ReuseRecord = fields, true
	for n := at.first; n <= record && err == nil; n++ {
		row, err = rows.Read()
	}
	return row, err
}

type promptColumns struct{ prompt, bound int }

func (c promptColumns) line(row []string) (l line, err error) {
	l.Prompt = row[c.prompt]
	if c.bound >= 0 && row[c.bound] != "" {
		if l.MaxTokens, err = strconv.ParseInt(row[c.bound], 10, 64); err != nil {
			return l, fmt.Errorf("max_tokens is %q; it must be a number", row[c.bound])
		}
	}
	return l, nil
}

// column is the index of the first column that has one of the names, or -1.
func column(header []string, names ...string) int {
	for i, field := range header {
		for _, name := range names {
			if strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(field, "\ufeff")), name) {
				return i
			}
		}
	}
	return -1
}

// plainEOF says in words that a file has no more.
func plainEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty")
	}
	return err
}
