// Package query asks a database for prompts: it runs one query that only reads, and writes its rows as lines of JSON.
// Each kind of database is a package below this one, which alone imports its driver.
package query

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/query/postgres"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/query/sqlite"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/internal/spelling"
)

// Bounds of a query.
const (
	longest = 30 * time.Minute
	most    = 16 << 30 // bytes of all rows
)

// A Database is where a query is run: one of the two is set.
type Database struct {
	SQLite   string // path of its file
	Postgres string // address, or keywords: postgres://user@host/name
}

// Rows runs a query, and writes each row as a line. An error of the query is a *source.LineError where its line is known.
func Rows(ctx context.Context, in Database, query string, to io.Writer) error {
	if err := onlyReads(query); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, longest)
	defer stop()
	out := &lines{to: bufio.NewWriter(to)}
	var err error
	if in.SQLite != "" {
		err = sqlite.Read(ctx, in.SQLite, query, out.begin, out.row)
	} else {
		err = postgres.Read(ctx, in.Postgres, query, out.begin, out.row)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the query takes longer than %v", longest)
	}
	return errors.Join(err, out.to.Flush())
}

// lines writes rows as lines of JSON.
type lines struct {
	to      *bufio.Writer
	columns []string
	rows    int
	bytes   int
}

// asked are the columns of which a query must have one.
var asked = []string{"prompt", "messages", "conversations", "instruction", "question", "text"}

// begin takes the names of the columns, and refuses those among which nothing is asked.
func (l *lines) begin(columns []string) error {
	l.columns = columns
	for i, name := range columns {
		if slices.Contains(columns[:i], name) {
			return fmt.Errorf("two columns are called %q; name one of them otherwise, with AS", name)
		}
	}
	if slices.ContainsFunc(columns, func(name string) bool { return slices.Contains(asked, name) }) {
		return nil
	}
	for _, name := range columns {
		if near := spelling.Nearest(name, asked); near != "" {
			return fmt.Errorf("the columns are %q; did you mean %q by %q? Write: SELECT %[3]s AS %[2]s", columns, near, name)
		}
	}
	return fmt.Errorf("the columns are %q; one must be named prompt, or messages, with AS", columns)
}

// row writes one.
func (l *lines) row(values []any) error {
	l.rows++
	fields := map[string]any{}
	for i, name := range l.columns {
		value := values[i]
		if text, isText := value.(string); isText && (name == "messages" || name == "conversations") {
			if !json.Valid([]byte(text)) {
				return fmt.Errorf(`row %d: the %s are %.60q; they must be JSON: [{"role": "user", "content": "…"}]`, l.rows, name, text)
			}
			value = json.RawMessage(text)
		}
		fields[name] = value
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("row %d: %w", l.rows, err)
	}
	if l.bytes += len(raw) + 1; l.bytes > most {
		return fmt.Errorf("the rows are more than %d GiB; add a LIMIT", most>>30)
	}
	_, err = l.to.Write(append(raw, '\n'))
	return err
}

// onlyReads refuses what is not one statement that reads. Databases refuse to write too: this says so before one is
// asked, and that a file holds several statements.
func onlyReads(query string) error {
	words, second := skeleton(query)
	switch {
	case len(words) == 0:
		return errors.New("there is no query in it")
	case second > 0:
		return source.AtLine(int64(second), errors.New("a second statement begins; a file holds one query"))
	case !slices.Contains([]string{"select", "with", "values", "table"}, words[0]):
		return fmt.Errorf("the query begins with %s; only queries that read are run: SELECT … AS prompt FROM …", strings.ToUpper(words[0]))
	}
	return nil
}

// skeleton is the first word of a query, in lower case, without what stands in comments and quotes; and the line on which
// a second statement begins, 0 for none.
func skeleton(query string) (words []string, second int) {
	line, ended := 1, false
	for i := 0; i < len(query); {
		length := token(query[i:])
		text := query[i : i+length]
		isSpace := strings.TrimSpace(text) == "" || strings.HasPrefix(text, "--") || strings.HasPrefix(text, "/*")
		switch {
		case isSpace || text == "(" && len(words) == 0:
		case text == ";":
			ended = true
		case ended:
			return words, line
		case len(words) == 0:
			words = append(words, strings.ToLower(text))
		}
		line += strings.Count(text, "\n")
		i += length
	}
	return words, 0
}

// token is how long the comment, the quoted text, the word or the sign is that a query begins with.
func token(query string) int {
	until := func(from int, end string) int {
		if at := strings.Index(query[from:], end); at >= 0 {
			return from + at + len(end)
		}
		return len(query)
	}
	switch {
	case strings.HasPrefix(query, "--"):
		return until(2, "\n")
	case strings.HasPrefix(query, "/*"):
		return until(2, "*/")
	case query[0] == '\'' || query[0] == '"' || query[0] == '`':
		return until(1, query[:1])
	case query[0] == '$':
		if tag := strings.IndexByte(query[1:], '$'); tag >= 0 && !strings.ContainsAny(query[1:1+tag], " \n;'") { // PostgreSQL's $tag$…$tag$
			return until(tag+2, query[:tag+2])
		}
		return 1
	}
	word := 0
	for word < len(query) && (query[word] == '_' || query[word] >= 0x80 || query[word]|0x20 >= 'a' && query[word]|0x20 <= 'z' ||
		word > 0 && (query[word] == '$' || query[word] >= '0' && query[word] <= '9')) { // a $ within a name begins no quote
		word++
	}
	return max(1, word)
}
