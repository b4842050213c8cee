package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/line"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
)

// rowsAtOnce is how many rows of a Parquet file are drawn together. Values lie in pages
// that are decompressed whole, so that to draw each row for itself would read a page
// for every one of them; rows drawn together are neighbours in the file, in an order of their own.
const rowsAtOnce = 16

// parquetColumns are the columns of a file that are read, and how.
type parquetColumns struct {
	schema *parquet.Schema // of the columns that are read
	asks   parquet.Field   // what is asked
	name   string          // prompt, messages, conversations or another
	bound  parquet.Field   // of the answer; nil: the file has none
	input  parquet.Field   // of an instruction; nil: the file has none
}

// conversationColumns are the names of columns of conversations.
var conversationColumns = []string{"conversations", "conversation", "items"}

// newParquetColumns finds the columns of prompts, or of conversations with turns.
func newParquetColumns(schema *parquet.Schema, turns bool) (c parquetColumns, names []string, err error) {
	find := func(wanted ...string) parquet.Field {
		for _, name := range wanted {
			for _, field := range schema.Fields() {
				if source.HasName(field.Name(), name) {
					return field
				}
			}
		}
		return nil
	}
	for _, field := range schema.Fields() {
		names = append(names, field.Name())
	}
	wanted := append([]string{"prompt", "messages"}, line.OtherNames...)
	if turns {
		wanted = slices.Concat(conversationColumns, []string{"messages", "prompt"})
	}
	for _, name := range wanted {
		if c.asks = find(name); c.asks != nil {
			c.name = name
			break
		}
	}
	if c.asks == nil {
		return c, nil, fmt.Errorf("the columns are %q; one must be named prompt, messages or conversations (or instruction, question or text), another can be max_tokens", names)
	}
	if err := c.check(); err != nil {
		return c, nil, err
	}
	read := parquet.Group{c.asks.Name(): c.asks}
	if c.bound = find(boundNames...); c.bound != nil {
		if read[c.bound.Name()] = c.bound; !c.bound.Leaf() {
			return c, nil, fmt.Errorf("the column %q is %s; it must be a whole number", c.bound.Name(), source.KindOfColumn(c.bound))
		}
	}
	if c.input = find("input"); c.input != nil && c.name == "instruction" && source.KindOfColumn(c.input) == "a text" {
		read[c.input.Name()] = c.input
	} else {
		c.input = nil
	}
	c.schema = parquet.NewSchema("row", read)
	return c, names, nil
}

// check refuses a column whose type cannot be asked.
func (c parquetColumns) check() error {
	const right = "a text, a list of token ids, or a list of messages, each a struct of role and content"
	kind := source.KindOfColumn(c.asks)
	if slices.Contains(line.OtherNames, c.name) {
		if kind == "a text" {
			return nil
		}
		return fmt.Errorf("the column %q is %s; it must be a text", c.asks.Name(), kind)
	}
	element, isList := source.ElementOf(c.asks)
	if isList && element == nil {
		element = c.asks.Fields()[0]
	}
	switch {
	case isList && !element.Leaf():
		return nil
	case c.name == "prompt" && c.asks.Leaf() && kind == "a text", c.name != "prompt" && kind == "a text":
		return nil // messages may be written as JSON
	case c.name == "prompt" && isList && kind == "a list of numbers":
		return nil
	case c.name == "prompt" && isList:
		return fmt.Errorf("the column %q is %s; it must be %s: write one prompt each row", c.asks.Name(), kind, right)
	case c.name == "prompt":
		return fmt.Errorf("the column %q is %s; it must be %s", c.asks.Name(), kind, right)
	}
	return fmt.Errorf("the column %q is %s; it must be a list of turns, each a struct of role and content, or from and value", c.asks.Name(), kind)
}

// A parquetRow is what is read of a row.
type parquetRow struct {
	asks  any
	bound any
	input any
}

// row puts a row together.
func (c parquetColumns) row(values parquet.Row) (r parquetRow) {
	leaves := make([][]parquet.Value, 0, 8)
	values.Range(func(_ int, column []parquet.Value) bool {
		leaves = append(leaves, column)
		return true
	})
	from := 0
	for _, field := range c.schema.Fields() {
		to := from + source.LeavesOf(field)
		value := source.Assemble(field, leaves[from:min(to, len(leaves))], 0, 0)
		from = to
		switch {
		case field.Name() == c.asks.Name():
			r.asks = value
		case c.bound != nil && field.Name() == c.bound.Name():
			r.bound = value
		default:
			r.input = value
		}
	}
	return r
}

// line is the row as a line of prompts.
func (c parquetColumns) line(r parquetRow) (l line.Line, err error) {
	l.Asks = true
	if r.bound != nil {
		if l.MaxTokens, _, err = source.ParseWhole(fmt.Sprint(r.bound), false); err != nil {
			return l, fmt.Errorf("max_tokens is %w", err)
		}
	}
	text, isText := r.asks.(string)
	switch {
	case r.asks == nil:
	case isText && slices.Contains(line.OtherNames, c.name):
		input, _ := r.input.(string)
		if err := source.ValidText([]byte(text + input)); err != nil {
			return l, err
		}
		l.AskOther(c.name, text, input)
	case isText && c.name == "prompt":
		if err := source.ValidText([]byte(text)); err != nil {
			return l, err
		}
		l.Prompt = text
	default:
		raw, err := c.json(r.asks)
		if err != nil {
			return l, err
		}
		return l, l.Take(c.name, raw, false)
	}
	return l, nil
}

// json is what is asked as JSON has it. Messages may stand in a text.
func (c parquetColumns) json(asks any) (json.RawMessage, error) {
	if text, isText := asks.(string); isText {
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf(`the %s are %.60q; write them in JSON: [{"role": "user", "content": "…"}]`, c.name, text)
		}
		return json.RawMessage(text), nil
	}
	return json.Marshal(asks)
}

// A rowReading turns a row into what is asked; number is that of the row, from 0.
type rowReading func(c parquetColumns, number int64, r parquetRow, inline bool) (harness.Conversation, error)

// parquetRecords are the rows of a file. Its row groups are checked in parallel.
func parquetRecords(file *source.File, virtual, turns bool, read rowReading, note func([]line.Unknown) error, progress source.Progress) (r *records, err error) {
	defer source.RecoverParquet(&err)
	opened, err := source.OpenParquet(file, virtual)
	if err != nil {
		return nil, err
	}
	columns, names, err := newParquetColumns(opened.Schema(), turns)
	if err != nil {
		return nil, err
	}
	if err := others(names, columns.asks.Name(), note); err != nil {
		return nil, err
	}
	if opened.NumRows() == 0 {
		return nil, errors.New("it is empty: it has columns, but no rows")
	}
	groups := slices.DeleteFunc(opened.RowGroups(), func(g parquet.RowGroup) bool { return g.NumRows() == 0 })
	conversion, err := parquet.Convert(columns.schema, opened.Schema())
	if err != nil {
		return nil, err
	}
	units, before := make([]int64, len(groups)+1), make([]int64, len(groups)+1) // units and rows until each group
	for i, g := range groups {
		units[i+1] = units[i] + (g.NumRows()+rowsAtOnce-1)/rowsAtOnce
		before[i+1] = before[i] + g.NumRows()
		groups[i] = parquet.ConvertRowGroup(g, conversion)
	}
	left, err := checkGroups(groups, before, func(number int64, row parquet.Row) error {
		_, err := read(columns, number, columns.row(row), false)
		return err
	}, progress, file.Size)
	if err != nil {
		return nil, err
	}
	again := func(unit int64) ([]harness.Conversation, error) {
		i := sort.Search(len(groups), func(i int) bool { return units[i+1] > unit })
		from := (unit - units[i]) * rowsAtOnce
		return readRows(file, groups[i], from, func(k int64, row parquet.Row) (harness.Conversation, error) {
			return read(columns, before[i]+from+k, columns.row(row), true)
		})
	}
	return &records{units: units[len(groups)], usable: left.Of - left.Sum(), left: left, read: again, file: file}, nil
}

// checkGroups reads every row, several groups at a time.
func checkGroups(groups []parquet.RowGroup, before []int64, check func(number int64, row parquet.Row) error, progress source.Progress, size int64) (left source.LeftOut, err error) {
	lefts, errs := make([]source.LeftOut, len(groups)), make([]error, len(groups))
	source.InParallel(len(groups), func(i int) error {
		lefts[i], errs[i] = checkGroup(groups[i], before[i], check)
		return errs[i]
	}, func(done int) { progress.Report(size*int64(done)/int64(len(groups)), size) })
	for i := range groups {
		if errs[i] != nil {
			return left, errs[i]
		}
		left.Add(&lefts[i], 0, 0)
	}
	return left, nil
}

// checkGroup reads every row of a group, the first of which has this number.
func checkGroup(group parquet.RowGroup, number int64, check func(number int64, row parquet.Row) error) (left source.LeftOut, err error) {
	defer source.RecoverParquet(&err)
	rows := group.Rows()
	defer rows.Close()
	const batch = 64
	for buffer := make([]parquet.Row, batch); ; {
		n, err := rows.ReadRows(buffer)
		for _, row := range buffer[:n] {
			err := check(number, row)
			number++
			left.Of++
			if err != nil && !left.Take(number-1, number, err) {
				return left, source.AtLine(number, err)
			}
		}
		switch {
		case errors.Is(err, io.EOF) && left.Of != group.NumRows():
			return left, fmt.Errorf("the file is broken: a row group has %d rows and says that it has %d", left.Of, group.NumRows())
		case errors.Is(err, io.EOF):
			return left, nil
		case err != nil:
			return left, err
		}
	}
}

// readRows reads the rows of a unit, which do not reach into the next row group.
func readRows(file *source.File, group parquet.RowGroup, from int64, read func(k int64, row parquet.Row) (harness.Conversation, error)) (out []harness.Conversation, err error) {
	defer source.RecoverParquet(&err)
	rows := group.Rows()
	defer rows.Close()
	if err := rows.SeekToRow(from); err != nil {
		return nil, file.Changed(err)
	}
	wanted := min(rowsAtOnce, group.NumRows()-from)
	for k := int64(0); k < wanted; {
		buffer := make([]parquet.Row, wanted-k)
		n, err := rows.ReadRows(buffer)
		if n == 0 && err != nil {
			return nil, file.Changed(err)
		}
		for _, row := range buffer[:n] {
			c, err := read(k, row)
			drawn, err := asked(file, c, err)
			if err != nil {
				return nil, err
			}
			out, k = append(out, drawn...), k+1
		}
	}
	return out, nil
}
