package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/vllmspec/vllmspec/internal/redact"
)

// headSize is how much of a file is looked at to know its format.
const headSize = 1 << 20

// A head is the beginning of a file: the names of the fields of its first object, and of those in it, as far
// as they stand there.
type head struct {
	fields map[string]bool // "metadata", "metadata.request_start_ns"
	types  map[string]string
	err    error // what is wrong in it; nil where only the rest is missing
}

// has reports whether all names are fields.
func (h *head) has(names ...string) bool {
	for _, name := range names {
		if !h.fields[name] {
			return false
		}
	}
	return true
}

// wrong says what is wrong with the JSON itself.
func (h *head) wrong() string {
	if h.err == nil {
		return ""
	}
	return "; " + h.err.Error()
}

// readHead reads the beginning of a file.
func readHead(path string) (*head, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder; name the files in it that hold results", path)
	case info.Size() == 0:
		return nil, fmt.Errorf("%s is empty", path)
	}
	plain, err := opened(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return headOf(io.LimitReader(plain, headSize)), nil
}

// headOf reads names until the first object ends, or what is read.
func headOf(r io.Reader) *head {
	h := &head{fields: map[string]bool{}, types: map[string]string{}}
	d := json.NewDecoder(r)
	first, err := d.Token()
	if err == nil && first != json.Delim('{') {
		err = errors.New("it does not begin with an object of JSON")
	}
	if err == nil {
		err = h.object(d, "", 0)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		h.err = explain(err)
	}
	return h
}

// deepest are the levels of names that are looked at.
const deepest = 2

func (h *head) object(d *json.Decoder, above string, level int) error {
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name := above + fmt.Sprint(token)
		h.fields[name] = true
		if err := h.value(d, name, level); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func (h *head) value(d *json.Decoder, name string, level int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case string:
		h.types[name] = token
	case json.Delim:
		if token == '{' && level < deepest {
			return h.object(d, name+".", level+1)
		}
		return skipRest(d)
	}
	return nil
}

// skipRest reads to the end of the value that has begun.
func skipRest(d *json.Decoder) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// explain says in our words what encoding/json says in Go's.
func explain(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if strings.Contains(syntax.Error(), "unexpected end") {
			return errors.New("the file ends in the middle of a value: it was cut off")
		}
		return fmt.Errorf("it is no JSON: %s", syntax.Error())
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("there is a JSON %s where %s is wanted", kind.Value, wanted(kind.Type.String()))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("the file ends in the middle of a value: it was cut off")
	}
	return err
}

// wanted is a type of Go's in words.
func wanted(kind string) string {
	switch {
	case strings.HasPrefix(kind, "[]"):
		return "a list"
	case strings.Contains(kind, "float"), strings.Contains(kind, "int"):
		return "a number"
	case strings.Contains(kind, "string"):
		return "a text"
	}
	return "an object"
}

// clean is a text of a file without what gives access to something, in one line and not too long.
func clean(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1]) // of a traceback, that is the error
	last = strings.ToValidUTF8((&redact.Secrets{}).Text(last), "�")
	if runes := []rune(last); len(runes) > 300 {
		last = string(runes[:300]) + "…"
	}
	return last
}

// lineAt is the number of the line that a place of a text is on.
func lineAt(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(int64(len(text)), max(0, offset))], []byte("\n"))
}
