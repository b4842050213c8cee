package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// csvRecords are the rows of a file. They are checked one after the other: what begins
// a row is known only once the quotes before it are.
func csvRecords(file *source.File, read reading, note func([]line.Unknown) error, progress source.Progress) (*records, error) {
	under := source.NewBounded(file.From(0))
	rows, err := source.NewTable(file, under, func(header []string) bool { return askedColumn(header) >= 0 })
	if err != nil {
		return nil, err
	}
	columns := promptColumns{askedColumn(rows.Header), source.Column(rows.Header, boundNames...), source.Column(rows.Header, "input"), rows.Comma != ','}
	if columns.prompt < 0 {
		return nil, source.AtLine(1, fmt.Errorf("the columns are %q; one must be named prompt, another can be max_tokens", rows.Header))
	}
	if err := others(rows.Header, strings.TrimSpace(rows.Header[columns.prompt]), note); err != nil {
		return nil, source.AtLine(1, err)
	}
	var all source.Places
	var left source.LeftOut
	for next := int64(source.PieceSize); ; left.Of++ {
		under.Reset()
		begins := rows.Offset()
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		l, err := columns.line(rows.Header, row)
		if err == nil {
			_, err = read(l, false)
		}
		if err != nil && !left.Take(left.Of, rows.Line(), err) {
			return nil, rows.Wrong(err)
		}
		all.Note(begins, left.Of)
		if begins >= next {
			next = begins + source.PieceSize
			progress.Report(begins, file.Size)
		}
	}
	progress.Report(file.Size, file.Size)
	again := func(record int64) ([]harness.Conversation, error) {
		row, err := rows.At(file, all.Before(record), record)
		if err != nil {
			return nil, file.Changed(err)
		}
		l, err := columns.line(rows.Header, row)
		if err != nil {
			return nil, file.Changed(err)
		}
		c, err := read(l, true)
		return asked(file, c, err)
	}
	return &records{units: left.Of, usable: left.Of - left.Sum(), left: left, notes: rows.Note(file.Path), read: again, file: file}, nil
}

// boundNames are the names that the column of how long an answer may be has.
var boundNames = []string{"max_tokens", "max_completion_tokens", "output_tokens"}

// askingColumn is the index of the column of prompts, or of messages, or -1.
func askingColumn(header []string) int {
	if i := source.Column(header, "prompt"); i >= 0 {
		return i
	}
	return source.Column(header, "messages")
}

// askedColumn is the same, or the index of a column of data sets for training, or -1.
func askedColumn(header []string) int {
	if i := askingColumn(header); i >= 0 {
		return i
	}
	for _, name := range line.OtherNames {
		if i := source.Column(header, name); i >= 0 {
			return i
		}
	}
	return -1
}

// others names the columns beside those that are read, or refuses one. What is asked stands
// in the column of that name.
func others(header []string, asked string, note func([]line.Unknown) error) error {
	var names []line.Unknown
	bounded, asking := false, false
	for _, name := range header {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			continue
		case name == asked && !asking:
			asking = true
			continue
		case source.HasName(name, asked):
			return fmt.Errorf("the columns %q say twice what is asked; keep one", header)
		case source.HasName(asked, "instruction") && source.HasName(name, "input"):
			continue // it belongs to the instruction
		case source.HasName(name, boundNames...):
			if bounded {
				return fmt.Errorf("the columns %q say twice how long an answer may be; keep one", header)
			}
			bounded = true
			continue
		}
		lower := strings.ReplaceAll(strings.ToLower(name), " ", "_")
		if err := line.CheckColumn(lower); err != nil {
			return err
		}
		if !line.Describes(lower) {
			names = append(names, line.Unknown{Name: name})
		}
	}
	return note(names)
}

type promptColumns struct {
	prompt, bound int
	input         int // of an instruction
	decimalComma  bool
}

func (c promptColumns) line(header, row []string) (l line.Line, err error) {
	l.Asks = true
	switch cell := row[c.prompt]; {
	case source.IsMissing(cell):
	case source.HasName(header[c.prompt], "messages"):
		if source.HalfCharacter([]byte(cell)) {
			return l, line.ErrHalfCharacter
		}
		if err := json.Unmarshal([]byte(cell), &l.Messages); err != nil {
			return l, fmt.Errorf(`the messages are %.60q; write them in JSON: [{"role": "user", "content": "…"}]`, cell)
		}
	case source.HasName(header[c.prompt], line.OtherNames...):
		input := ""
		if c.input >= 0 && !source.IsMissing(row[c.input]) {
			input = row[c.input]
		}
		l.AskOther(source.Fold(header[c.prompt]), cell, input)
	default:
		l.Prompt = cell
	}
	if c.bound >= 0 {
		if l.MaxTokens, _, err = source.ParseWhole(row[c.bound], c.decimalComma); err != nil {
			return l, fmt.Errorf("max_tokens is %w", err)
		}
	}
	return l, nil
}
