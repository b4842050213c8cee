package suite_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A sheet is a page of which each number is to be looked at. Its methods find elements
// by simple selectors: "td", ".value", "details.objective", "dl.figures div".
type sheet struct {
	t    *testing.T
	root *html.Node
	open map[*html.Node]bool // texts of <main> with a number in them that nobody has looked at
}

// digits are a number, where it is no part of a name: of p99, E2E.
var (
	digits = regexp.MustCompile(`[0-9]`)
	named  = regexp.MustCompile(`\b(p[0-9]+(\.[0-9]+)?|E2E)\b`)
)

func readSheet(t *testing.T, path string) *sheet {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	root, err := html.Parse(strings.NewReader(string(text)))
	require.NoError(t, err)
	s := &sheet{t: t, root: root, open: map[*html.Node]bool{}}
	for n := range s.first("main").Descendants() {
		if n.Type == html.TextNode && digits.MatchString(named.ReplaceAllString(n.Data, "")) {
			s.open[n] = true
		}
	}
	require.Greater(t, len(s.open), 200, "a page full of numbers")
	return s
}

// all are the elements that a selector names, in the page or in a part of it.
func (s *sheet) all(selector string, in ...*html.Node) (out []*html.Node) {
	root := s.root
	if len(in) > 0 {
		root = in[0]
	}
	path := strings.Fields(selector)
	for n := range root.Descendants() {
		if !is(n, path[len(path)-1]) {
			continue
		}
		if len(path) == 1 || is(n.Parent, path[0]) {
			out = append(out, n)
		}
	}
	return out
}

func is(n *html.Node, selector string) bool {
	kind, class, _ := strings.Cut(selector, ".")
	return n.Type == html.ElementNode && (kind == "" || n.Data == kind) && (class == "" || slices.Contains(strings.Fields(attribute(n, "class")), class))
}

func (s *sheet) first(selector string, in ...*html.Node) *html.Node {
	s.t.Helper()
	all := s.all(selector, in...)
	require.NotEmpty(s.t, all, "the page has no %s", selector)
	return all[0]
}

// section is that of a heading.
func (s *sheet) section(heading string) *html.Node {
	s.t.Helper()
	for _, n := range s.all("section") {
		if attribute(n, "aria-labelledby") == heading {
			return n
		}
	}
	require.Fail(s.t, "the page has no section "+heading)
	return nil
}

// block is a block of data.
func (s *sheet) block(id string) *html.Node {
	for _, n := range s.all("script") {
		if attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

func (s *sheet) cells(row *html.Node) (out []*html.Node) {
	for n := range row.ChildNodes() {
		if is(n, "td") || is(n, "th") {
			out = append(out, n)
		}
	}
	return out
}

// equal looks at an element: this is what it is to say.
func (s *sheet) equal(n *html.Node, want string, message ...any) {
	s.t.Helper()
	assert.Equal(s.t, strings.Join(strings.Fields(want), " "), strings.Join(strings.Fields(content(n)), " "), message...)
	s.exempt(n, "looked at")
}

// exempt takes an element's numbers as they are, for a reason.
func (s *sheet) exempt(n *html.Node, reason string) {
	require.NotEmpty(s.t, reason)
	for d := range n.Descendants() {
		delete(s.open, d)
	}
}

// valueOf is what a list of facts says of a name.
func (s *sheet) valueOf(dl *html.Node, name string) *html.Node {
	s.t.Helper()
	for _, row := range s.all("div", dl) {
		if content(s.first("dt", row)) == name {
			return s.first("dd", row)
		}
	}
	require.Fail(s.t, "nothing is told of "+name)
	return nil
}

func (s *sheet) fact(dl *html.Node, name, want string) {
	s.t.Helper()
	s.equal(s.valueOf(dl, name), want)
}

// isOneOf looks at the first such element.
func (s *sheet) isOneOf(selector string, fits func(string) bool) {
	s.t.Helper()
	n := s.first(selector)
	text := strings.Join(strings.Fields(content(n)), " ")
	assert.True(s.t, fits(text), text)
	s.exempt(n, "looked at")
}

// A part of a sheet.
type part struct {
	*sheet
	root *html.Node
}

func (s *sheet) within(n *html.Node) part { return part{s, n} }

func (p part) says(selector, want string) {
	p.t.Helper()
	p.equal(p.first(selector, p.root), want)
}

// bar looks at what is said of a bar to who cannot see it.
func (p part) bar(v slo.Verdict) {
	p.t.Helper()
	value := quantity.Format(v.Value, v.Unit)
	if math.IsNaN(v.Value) {
		value = "–"
	}
	says := attribute(p.first(".bar", p.root), "aria-label")
	assert.Equal(p.t, fmt.Sprintf("%s, %s, against %s", value, strings.TrimSpace(v.Interval()), v.Expectation()), says)
}

// tells looks at a sentence: it is to be one of these, but for how numbers are written in
// it, as the files have "1m30s" and "1000".
func (s *sheet) tells(n *html.Node, sentences []string) {
	s.t.Helper()
	text := plain(content(n))
	assert.True(s.t, slices.ContainsFunc(sentences, func(one string) bool { return plain(one) == text }), "%s\nis none of\n%s", content(n), strings.Join(sentences, "\n"))
	s.exempt(n, "looked at")
}

func plain(sentence string) string {
	return strings.ToLower(strings.NewReplacer(",", "", " ", "", "\n", "", "\t", "", "min", "m").Replace(sentence))
}

// left are the numbers that nobody has looked at, and where they stand.
func (s *sheet) left() (out []string) {
	for n := range s.root.Descendants() {
		if !s.open[n] {
			continue
		}
		where := ""
		for p := n.Parent; p != nil && p.Data != "main"; p = p.Parent {
			where = strings.TrimSuffix(p.Data+"."+strings.ReplaceAll(attribute(p, "class"), " ", "."), ".") + " " + where
		}
		out = append(out, where+": "+strings.TrimSpace(n.Data))
	}
	return out
}

// content is all text of an element.
func content(n *html.Node) string {
	var out strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			out.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(out.String())
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
