package dataset

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/vllmspec/vllmspec/harness"
)

// Prompts is a file of prompts, one each line or row:
//
//	.jsonl    {"prompt": "…"}, asked as a completion, or {"messages": […]}, asked
//	          as a chat, either with "max_tokens"; or lines of OpenAI's batches,
//	          where the same stands under "body"
//	.csv      a column prompt and, if need be, max_tokens
//	.parquet  the same columns
//	.txt      a prompt each line
//
// "max_tokens" bounds that answer, below the bound of the dataset. Empty lines
// are skipped.
type Prompts struct {
	FS        fs.FS
	Path      string
	MaxTokens int  // bound of every answer; 0: the server's
	IgnoreEOS bool // every answer runs to the bound
}

func (d Prompts) String() string { return describe(d.Path, d.MaxTokens, d.IgnoreEOS) }

// longestLine is the longest line that is read: a prompt of a million tokens
// takes some four megabytes.
const longestLine = 64 << 20

// A line is one prompt as a file has it.
type line struct {
	Prompt    string            `json:"prompt" parquet:"prompt,optional"`
	Messages  []harness.Message `json:"messages" parquet:"-"`
	MaxTokens int64             `json:"max_tokens" parquet:"max_tokens,optional"`
}

// Conversations implements [harness.Dataset].
func (d Prompts) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := d.read()
	return shuffled(r, all), err
}

// Count is how many different prompts there are.
func (d Prompts) Count() (int, error) {
	all, err := d.read()
	return len(all), err
}

func (d Prompts) read() ([]harness.Conversation, error) {
	raw, err := fs.ReadFile(d.FS, d.Path)
	if err != nil {
		return nil, err
	}
	read := map[string]func([]byte, func(int, line) error) error{".jsonl": jsonLines, ".csv": csvLines, ".txt": textLines, ".parquet": parquetLines}[filepath.Ext(d.Path)]
	if read == nil {
		return nil, fmt.Errorf("%s: files of prompts end in .jsonl, .csv, .parquet or .txt", d.Path)
	}
	var all []harness.Conversation
	err = read(raw, func(number int, l line) error {
		prompt, err := d.prompt(l)
		if err != nil {
			return fmt.Errorf("%d: %w", number, err)
		}
		all = append(all, harness.Conversation{Turns: []harness.Prompt{prompt}})
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s:%w", d.Path, err)
	case len(all) == 0:
		return nil, fmt.Errorf("%s: there is no prompt in it", d.Path)
	}
	return all, nil
}

func (d Prompts) prompt(l line) (harness.Prompt, error) {
	switch {
	case l.Prompt != "" && l.Messages != nil:
		return harness.Prompt{}, errors.New(`the line has both "prompt" and "messages"; keep one`)
	case strings.TrimSpace(l.Prompt) == "" && len(l.Messages) == 0:
		return harness.Prompt{}, errors.New(`the line has no "prompt" and no "messages"`)
	case l.MaxTokens < 0 || l.MaxTokens > 1<<30:
		return harness.Prompt{}, fmt.Errorf("max_tokens is %d; it must be above 0", l.MaxTokens)
	}
	for i, m := range l.Messages {
		if m.Role == "" || m.Content == "" {
			return harness.Prompt{}, fmt.Errorf("message %d needs a role and a content", i+1)
		}
	}
	bound := int(l.MaxTokens)
	if bound == 0 || d.MaxTokens > 0 && d.MaxTokens < bound {
		bound = d.MaxTokens
	}
	return harness.Prompt{Text: l.Prompt, Messages: l.Messages, MaxTokens: bound, IgnoreEOS: d.IgnoreEOS && bound > 0}, nil
}

// eachLine gives every line that is not empty, with its number.
func eachLine(raw []byte, use func(number int, text []byte) error) error {
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, longestLine)
	number := 0
	for lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := use(number, lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%d: %w", number+1, err)
	}
	return nil
}

func jsonLines(raw []byte, use func(int, line) error) error {
	return eachLine(raw, func(number int, text []byte) error {
		var l struct {
			line
			Body *line `json:"body"` // of OpenAI's batches
		}
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf(`%d: %w; a line is {"prompt": "…"} or {"messages": […]}`, number, explainJSON(err))
		}
		if l.Body != nil {
			l.line = *l.Body
		}
		return use(number, l.line)
	})
}

func textLines(raw []byte, use func(int, line) error) error {
	return eachLine(raw, func(number int, text []byte) error { return use(number, line{Prompt: string(text)}) })
}

func csvLines(raw []byte, use func(int, line) error) error {
	rows := csv.NewReader(bytes.NewReader(raw))
	header, err := rows.Read()
	if err != nil {
		return fmt.Errorf(" %w", err)
	}
	prompt, bound := column(header, "prompt"), column(header, "max_tokens")
	if prompt < 0 {
		return fmt.Errorf("1: the columns are %q; one must be named prompt, another can be max_tokens", header)
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf(" %w", err) // it names the line
		}
		number, _ := rows.FieldPos(0)
		l := line{Prompt: row[prompt]}
		if bound >= 0 && row[bound] != "" {
			if l.MaxTokens, err = strconv.ParseInt(row[bound], 10, 64); err != nil {
				return fmt.Errorf("%d: max_tokens is %q; it must be a number", number, row[bound])
			}
		}
		if err := use(number, l); err != nil {
			return err
		}
	}
}

func parquetLines(raw []byte, use func(int, line) error) (err error) {
	defer func() { // the library panics on some files that are broken
		if p := recover(); p != nil {
			err = fmt.Errorf(" the file is broken: %v", p)
		}
	}()
	file, err := parquet.OpenFile(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return fmt.Errorf(" %w", err)
	}
	var names []string
	for _, field := range file.Schema().Fields() {
		names = append(names, field.Name())
	}
	if column(names, "prompt") < 0 {
		return fmt.Errorf(" the columns are %q; one must be named prompt, another can be max_tokens", names)
	}
	rows := parquet.NewGenericReader[line](file)
	defer rows.Close()
	batch := make([]line, 64)
	for number := 0; ; {
		n, err := rows.Read(batch)
		for _, l := range batch[:n] {
			number++
			if err := use(number, l); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf(" %w", err)
		}
	}
}
