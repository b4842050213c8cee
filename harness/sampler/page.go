package sampler

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// A page is metrics in the Prometheus text format, as vLLM's Python front end and
// most exporters write it, or in OpenMetrics, as vLLM's Rust front end does. Both are
// read line by line: a series is its samples, and what type its family is said to be,
// or how often, is of no account.
type page struct {
	text        []byte
	openMetrics bool
}

func newPage(contentType string, text []byte) page {
	kind, _, _ := mime.ParseMediaType(contentType)
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // a byte order mark would hide the first name
	return page{text, kind == "application/openmetrics-text"}
}

// whole is an error where the page has no end: connections break, and half of the
// engines would be half of the load.
func (p page) whole() error {
	marked := bytes.HasSuffix(bytes.TrimRight(p.text, "\n"), []byte("# EOF"))
	switch {
	case p.openMetrics && !marked:
		return fmt.Errorf("the page is cut short after %d bytes: it has no end mark", len(p.text))
	case !marked && len(p.text) > 0 && p.text[len(p.text)-1] != '\n':
		return fmt.Errorf("the page is cut short after %d bytes, in the middle of a line", len(p.text))
	}
	return nil
}

// A metric is one sample of a page.
type metric struct {
	name   string
	labels map[string]string
	value  float64
}

// metrics are the samples of the names that are kept, in their order. Other lines are
// not even parsed: of a page of vLLM's that is half, and reading must cost little. Of a
// series that comes twice the first sample counts, as for Prometheus, in whatever order
// and with whatever spaces its labels are written.
func (p page) metrics(keep func(name string) bool) ([]metric, error) {
	if err := p.whole(); err != nil {
		return nil, err
	}
	var out []metric
	seen, number, kept, ended := map[string]bool{}, 0, 0, false
	for line := range bytes.Lines(p.text) {
		number++
		line = bytes.TrimSpace(line)
		if ended && len(line) > 0 {
			return nil, fmt.Errorf("the page is malformed: line %d comes after the end mark", number)
		}
		if len(line) == 0 || line[0] == '#' || line[0] != '{' && !keep(nameOf(line)) {
			ended = p.openMetrics && (ended || string(line) == "# EOF")
			continue
		}
		if kept += len(line); len(line) > limit.Line || kept > limit.Kept || len(out) >= limit.Series {
			return nil, tooMuch(number, len(line), len(out))
		}
		m, err := parse(string(line))
		if err != nil {
			return nil, fmt.Errorf("the page is malformed: line %d: %w", number, err)
		}
		if series := m.series(); keep(m.name) && !seen[series] {
			seen[series] = true
			out = append(out, m)
		}
	}
	return out, nil
}

// tooMuch says which bound the line of a page is beyond, of which so many series are kept.
func tooMuch(number, length, series int) error {
	switch {
	case length > limit.Line:
		return fmt.Errorf("line %d of the page has %d bytes; at most %d are read", number, length, limit.Line)
	case series >= limit.Series:
		return fmt.Errorf("the page has more than %d series that could be kept", limit.Series)
	}
	return fmt.Errorf("the page has more than %d MiB of series that could be kept", limit.Kept>>20)
}

func nameOf(line []byte) string {
	if end := bytes.IndexAny(line, "{ \t"); end >= 0 {
		line = line[:end]
	}
	return string(line)
}

// series identifies what the sample is one of: its name and labels.
func (m metric) series() string {
	var out strings.Builder
	out.WriteString(m.name)
	for _, label := range slices.Sorted(maps.Keys(m.labels)) {
		out.WriteString("\xff" + label + "\xff" + m.labels[label]) // no byte of UTF-8
	}
	return out.String()
}

// parse reads `name{label="value",…} value timestamp # exemplar`; what follows the
// value has no say. Where a name is not of the usual characters it stands in quotes
// inside the braces, and only there: Prometheus's own parser refuses a line that begins
// with a quote.
func parse(line string) (m metric, err error) {
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return m, errors.New("a name without a value")
	}
	m.name, m.labels = line[:end], map[string]string{}
	if strings.Contains(m.name, `"`) {
		return m, fmt.Errorf("%q is no name: one in quotes stands within the braces", m.name)
	}
	rest := strings.TrimLeft(line[end:], " \t")
	if strings.HasPrefix(rest, "{") {
		if rest, err = m.readLabels(rest[1:]); err != nil {
			return m, fmt.Errorf("the labels of %s: %w", m.name, err)
		}
	}
	if m.name == "" {
		return m, errors.New("labels without a name")
	}
	fields := strings.Fields(rest)
	if exemplar := slices.IndexFunc(fields, func(f string) bool { return f[0] == '#' }); exemplar >= 0 {
		fields = fields[:exemplar]
	}
	if len(fields) == 0 || len(fields) > 2 {
		return m, fmt.Errorf("%s has no value", m.name)
	}
	if m.value, err = readNumber(fields[0]); err != nil {
		return m, fmt.Errorf("%s: %q is no number", m.name, fields[0])
	}
	if len(fields) == 2 {
		if _, err := readNumber(fields[1]); err != nil {
			return m, fmt.Errorf("%s: %q is no time", m.name, fields[1])
		}
	}
	return m, nil
}

// readNumber reads a number as the format writes it: Go's own are more.
func readNumber(text string) (float64, error) {
	if strings.ContainsAny(text, "xXpP_") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// readLabels reads what stands between braces, and gives back what follows them. A
// label without a value is none.
func (m *metric) readLabels(rest string) (string, error) {
	for first := true; ; first = false {
		rest = strings.TrimLeft(rest, " \t")
		if after, comma := strings.CutPrefix(rest, ","); comma && !first {
			rest = strings.TrimLeft(after, " \t")
		}
		if after, closed := strings.CutPrefix(rest, "}"); closed {
			return after, nil
		}
		name, after, quoted, err := labelName(rest)
		if err != nil {
			return "", err
		}
		rest = strings.TrimLeft(after, " \t")
		after, has := strings.CutPrefix(rest, "=")
		switch {
		case !has && quoted && m.name == "":
			m.name = name
			continue
		case !has:
			return "", fmt.Errorf("%s has no value", name)
		}
		var value string
		if value, rest, err = unquoted(strings.TrimLeft(after, " \t")); err != nil {
			return "", err
		}
		if _, twice := m.labels[name]; twice {
			return "", fmt.Errorf("%s comes twice", name)
		}
		if value != "" {
			m.labels[name] = value
		}
	}
}

// labelName reads a label's name, or a metric's that is in quotes, and gives back what
// follows it.
func labelName(rest string) (name, after string, quoted bool, err error) {
	if strings.HasPrefix(rest, `"`) {
		if name, after, err = unquoted(rest); err == nil && name == "" {
			err = errors.New("a name in quotes is empty")
		}
		return name, after, true, err
	}
	end := strings.IndexAny(rest, "= \t")
	if end < 0 {
		return "", "", false, errors.New("they do not end")
	}
	switch name = rest[:end]; {
	case name == "":
		return "", "", false, errors.New("a value without a name")
	case !unquotedLabel(name):
		return "", "", false, fmt.Errorf("%q is no name", name)
	}
	return name, rest[end:], false, nil
}

// unquotedLabel reports whether the name of a label consists of the characters that need
// no quotes.
func unquotedLabel(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// unquoted reads a value in quotes, and gives back what follows it.
func unquoted(rest string) (value, after string, err error) {
	if !strings.HasPrefix(rest, `"`) {
		return "", "", errors.New("a value without quotes")
	}
	rest = rest[1:]
	end := strings.IndexAny(rest, `"\`)
	for end >= 0 && rest[end] == '\\' && end+2 <= len(rest) {
		next := strings.IndexAny(rest[end+2:], `"\`)
		if next < 0 {
			end = -1
			break
		}
		end += 2 + next
	}
	if end < 0 || rest[end] != '"' {
		return "", "", errors.New("a quote is not closed")
	}
	value, after = rest[:end], rest[end+1:]
	if !utf8.ValidString(value) {
		return "", "", fmt.Errorf("%q is not UTF-8", value)
	}
	return unescaped(value), after, nil
}

// unescaped is a value without the escapes that the format has; other backslashes are
// what they are.
func unescaped(value string) string {
	if !strings.Contains(value, `\`) {
		return value // most have none
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n").Replace(value)
}
