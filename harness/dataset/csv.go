package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

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
		c, err := read(l, true)
		return asked(file, c, err)
	}
	return &records{units: left.of, usable: left.of - left.sum(), left: left, notes: rows.note(file.path), read: again, file: file}, nil
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
