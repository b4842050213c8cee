package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// The names that the columns and fields of traces have, as they were published or as people
// and programs call them; case, spaces, hyphens and underscores do not matter.
var (
	instantNames = []string{"timestamp", "arrival_time", "arrival_timestamp", "arrived_at", "arrival", "request_time", "start_time", "time", "ts", "datetime",
		"timestamp_ms", "arrival_time_ms", "timestamp_s", "arrival_time_s", "timestamp_us", "timestamp_ns"}
	promptNames = []string{"ContextTokens", "Request tokens", "input_length", "prompt_tokens", "num_prefill_tokens", "input_tokens", "prompt_length", "prompt_len",
		"input_len", "num_prompt_tokens", "num_input_tokens", "input_token_count", "prefill_tokens", "context_length", "input_sequence_length", "isl"}
	answerNames = []string{"GeneratedTokens", "Response tokens", "output_length", "completion_tokens", "num_decode_tokens", "output_tokens", "generation_length",
		"output_len", "num_output_tokens", "num_completion_tokens", "num_generated_tokens", "generation_tokens", "response_length", "completion_length", "decode_tokens", "output_token_count", "output_sequence_length", "osl"}
	blockNames = []string{"hash_ids", "block_hashes"}
)

// A requestRow is a row of a trace.
type requestRow struct {
	at             time.Duration // since 1970, or since whatever the file counts from
	number         float64       // as the file has it, where it is a number
	prompt, answer int
	blocks         []int
}

// A rowReader reads rows of one form. Each goroutine has its own.
type rowReader struct {
	form  *layout
	days  calendar
	cells [3][]byte // instant, prompt, answer
}

// A layout is how the file of a trace is written.
type layout struct {
	json, array, quoted bool
	comma               byte
	columns             int // of a table
	wanted              [3]int
	names               [3]string // the fields of JSON
	blocks              string
	lengths             bool // there are lengths of prompts and answers
	dated               bool // instants are dates, and not numbers
	unit                unit
	first               decimal // instant of the first row, where instants are numbers
	begins, lines       int64   // where the first row is, and how many lines are ahead of it
}

// errOpenQuote is that a cell goes on on the next line.
var errOpenQuote = errors.New("a quote is not closed on its line")

// row reads a row. The error of one that cannot be asked is a *source.Unaskable.
func (r *rowReader) row(text []byte) (q requestRow, err error) {
	if r.form.json {
		q.blocks, err = r.object(text)
	} else {
		err = r.split(text)
	}
	if err != nil {
		return q, err
	}
	return r.fromCells(q)
}

// fromCells reads the cells that were found.
func (r *rowReader) fromCells(q requestRow) (requestRow, error) {
	at := r.form.point(bytes.TrimSpace(r.cells[0]))
	if source.IsMissing(string(at)) {
		return q, source.NewUnaskable(source.NoLength, "there is no instant")
	}
	if err := r.instant(at, &q); err != nil {
		return q, err
	}
	if !r.form.lengths {
		return q, nil
	}
	prompt, isPrompt, err := r.form.tokens(r.cells[1])
	if err != nil {
		return q, fmt.Errorf("the length of the prompt is %w", err)
	}
	answer, isAnswer, err := r.form.tokens(r.cells[2])
	switch {
	case err != nil:
		return q, fmt.Errorf("the length of the answer is %w", err)
	case isAnswer && answer == 0: // BurstGPT lists failed requests too
		return q, source.NewUnaskable(source.NoAnswer, "the answer has 0 tokens: the request failed")
	case !isPrompt || !isAnswer || prompt == 0:
		return q, source.NewUnaskable(source.NoLength, "there is no length of the prompt, or none of the answer")
	}
	q.prompt, q.answer = prompt, answer
	return q, nil
}

// instant reads when a request came.
func (r *rowReader) instant(text []byte, q *requestRow) error {
	ok := false
	if r.form.dated {
		q.at, ok = r.days.parse(text)
	} else if d, isNumber := parseDecimal(text); isNumber {
		q.number = d.float()
		if q.at, ok = d.in(r.form.unit.of); !ok {
			return r.form.tooFar(q.number)
		}
		if first, _ := r.form.first.in(r.form.unit.of); (q.at - first).Abs() > longestTrace {
			return r.form.tooFar(q.number)
		}
	}
	if !ok {
		return fmt.Errorf("%q is no instant; write 2023-11-16 18:01:51.68, or seconds", shortened(text))
	}
	return nil
}

// shortened is a text of a file, for an error.
func shortened(text []byte) string {
	const most = 60
	return strings.ToValidUTF8(string(text[:min(len(text), most)]), "")
}

// decimalComma reports whether numbers may have a comma for a point: commas separate nothing.
func (f *layout) decimalComma() bool { return !f.json && f.comma != ',' }

// point is a number with a point.
func (f *layout) point(text []byte) []byte {
	if f.decimalComma() && bytes.IndexByte(text, ',') >= 0 {
		return bytes.Replace(text, []byte{','}, []byte{'.'}, 1)
	}
	return text
}

// tokens reads a length in tokens.
func (f *layout) tokens(cell []byte) (n int, ok bool, err error) {
	const most = 9 // digits
	if 0 < len(cell) && len(cell) <= most {
		for i, b := range cell {
			if b-'0' > 9 {
				break
			}
			if n = n*10 + int(b-'0'); i == len(cell)-1 {
				return n, true, nil
			}
		}
	}
	long, ok, err := source.ParseWhole(shortened(cell), f.decimalComma())
	if err == nil && (long < 0 || long > tokens.Most) {
		err = fmt.Errorf("%q; it must be a number of tokens", cell)
	}
	return int(long), ok, err
}

// split finds the cells of a row of a table.
func (r *rowReader) split(text []byte) error {
	n := 0
	r.cells = [3][]byte{}
	for rest := text; ; n++ {
		cell, more, quoted := rest, []byte(nil), len(rest) > 0 && rest[0] == '"'
		if quoted {
			end := bytes.IndexByte(rest[1:], '"') + 1
			if end == 0 || end+1 < len(rest) && rest[end+1] != r.form.comma {
				return errOpenQuote // or a quote in a text: for the slower reader
			}
			cell, rest = rest[1:end], rest[end+1:]
		}
		comma := bytes.IndexByte(rest, r.form.comma)
		if comma >= 0 {
			more = rest[comma+1:]
			if !quoted {
				cell = rest[:comma]
			}
		}
		for i, wanted := range r.form.wanted {
			if wanted == n {
				r.cells[i] = cell
			}
		}
		if n >= r.form.columns && len(bytes.TrimSpace(cell)) > 0 {
			n = len(bytes.Split(text, []byte{r.form.comma})) // for the error
			return r.form.wrongCells(n)
		}
		if comma < 0 {
			break
		}
		rest = more
	}
	if n+1 < r.form.columns {
		return r.form.wrongCells(n + 1)
	}
	return nil
}

func (f *layout) wrongCells(n int) error {
	return fmt.Errorf("the row has %d cells, and there are %d columns", n, f.columns)
}

// object finds the fields of an object of JSON.
func (r *rowReader) object(text []byte) (blocks []int, err error) {
	const form = `%w; a line is {"timestamp": 0, "input_length": 512, "output_length": 128, "hash_ids": [1]}`
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf(form, source.ExplainJSON(err))
	}
	for i, name := range r.form.names {
		value := fields[name]
		if i == 0 && value == nil {
			return nil, fmt.Errorf(form, fmt.Errorf("there is no %q", name))
		}
		r.cells[i] = bytes.Trim(value, `"`)
	}
	if ids := fields[r.form.blocks]; r.form.blocks != "" && ids != nil {
		if err := json.Unmarshal(ids, &blocks); err != nil {
			return nil, fmt.Errorf("%q must be a list of whole numbers: %w", r.form.blocks, source.ExplainJSON(err))
		}
	}
	return blocks, nil
}
