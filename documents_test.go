package vllmspec_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/reconcile"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/steps"
)

//go:generate go test . -run TestMetricsDocument_isTheCatalogue -update

var update = flag.Bool("update", false, "write what is generated in the documents anew")

// pages are all documents that a user reads.
func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	return append(all, "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "steps/vocabulary.md")
}

// A line is one of a document, and the language of the block that it stands in: "" for prose.
type line struct {
	number         int
	language, text string
}

// linesOf are the lines of a document, without the fences of its blocks.
func linesOf(t *testing.T, document string) (all []line) {
	t.Helper()
	block := ""
	for i, text := range strings.Split(readFile(t, document), "\n") {
		language, fence := strings.CutPrefix(text, "```")
		switch {
		case fence && block != "":
			block = ""
		case fence && language == "":
			block = "text"
		case fence:
			block = language
		default:
			all = append(all, line{i + 1, block, text})
		}
	}
	return all
}

// TestDocuments_areShort holds README to what is read in a minute, and every other page to what is read in one sitting.
func TestDocuments_areShort(t *testing.T) {
	long := map[string]string{"docs/reliability.md": "its tables are counted by tests"}
	for _, page := range pages(t) {
		lines := strings.Split(strings.TrimSuffix(readFile(t, page), "\n"), "\n")
		switch {
		case page == "README.md":
			assert.LessOrEqual(t, len(lines), 150, "README.md is to be read in a minute: move what is not for a beginner to docs")
			for i, text := range lines {
				assert.LessOrEqual(t, utf8.RuneCountInString(text), 120, "README.md:%d", i+1)
			}
		case strings.HasPrefix(page, "docs/") && long[page] == "":
			assert.LessOrEqual(t, len(lines), 200, "%s", page)
		}
	}
	pictures, err := filepath.Glob("docs/*.png")
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, picture := range pictures {
		info, err := os.Stat(picture)
		require.NoError(t, err)
		assert.Less(t, info.Size(), int64(250_000), "%s", picture)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#{1,6} (.+)$`)
)

// TestDocuments_linksResolve follows every link within the repository, to its heading.
func TestDocuments_linksResolve(t *testing.T) {
	followed := 0
	for _, page := range pages(t) {
		for _, l := range linesOf(t, page) {
			for _, found := range link.FindAllStringSubmatch(l.text, -1) {
				if l.language != "" || strings.Contains(found[1], "://") {
					continue
				}
				path, anchor, anchored := strings.Cut(found[1], "#")
				target := filepath.ToSlash(filepath.Join(filepath.Dir(page), path))
				if path == "" {
					target = page
				}
				if assert.True(t, exists(target), "%s:%d: there is no %s", page, l.number, target) && anchored {
					assert.Contains(t, anchorsOf(t, target), anchor, "%s:%d: %s has no such heading", page, l.number, target)
				}
				followed++
			}
		}
	}
	assert.Greater(t, followed, 60)
}

// anchorsOf are the headings of a document as GitHub makes anchors of them.
func anchorsOf(t *testing.T, document string) (all []string) {
	t.Helper()
	for _, l := range linesOf(t, document) {
		if found := heading.FindStringSubmatch(l.text); found != nil && l.language == "" {
			all = append(all, anchorOf(found[1]))
		}
	}
	return all
}

func anchorOf(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// TestDocuments_areAllFound begins at README and follows links: a page that none leads to is read by none.
func TestDocuments_areAllFound(t *testing.T) {
	seen, open := map[string]bool{"README.md": true}, []string{"README.md"}
	for len(open) > 0 {
		page := open[0]
		open = open[1:]
		for _, found := range link.FindAllStringSubmatch(readFile(t, page), -1) {
			path, _, _ := strings.Cut(found[1], "#")
			target := filepath.ToSlash(filepath.Join(filepath.Dir(page), path))
			if strings.HasSuffix(path, ".md") && !strings.Contains(path, "://") && !seen[target] {
				seen[target], open = true, append(open, target)
			}
		}
	}
	for _, page := range pages(t) {
		assert.True(t, seen[page], "no link leads from README.md to %s", page)
	}
}

// TestDocuments_sentencesAreUnderstood reads each sentence that a document shows, in blocks and within lines.
func TestDocuments_sentencesAreUnderstood(t *testing.T) {
	step := regexp.MustCompile(`^\s*(?:Given|When|Then|And|But) (.+)$`)
	inline := regexp.MustCompile("`((?:Given|When|Then|And|But) [^`]+)`")
	read := 0
	for _, page := range pages(t) {
		for _, l := range linesOf(t, page) {
			texts := []string{l.text}
			if l.language == "" {
				texts = nil
				for _, found := range inline.FindAllStringSubmatch(l.text, -1) {
					texts = append(texts, found[1])
				}
			} else if l.language != "gherkin" {
				continue
			}
			for _, text := range texts {
				if found := step.FindStringSubmatch(text); found != nil {
					assert.Equal(t, 1, readings(found[1]), "%s:%d: sentences that read %q", page, l.number, found[1])
					read++
				}
			}
		}
	}
	assert.Greater(t, read, 150)
}

// TestDocuments_rowsAreUnderstood reads the rows below each sentence that a document shows.
func TestDocuments_rowsAreUnderstood(t *testing.T) {
	parsers := map[string]func(subject, expectation string) (harness.Objective, error){
		"these objectives are met": slo.Parse, "is abandoned unless": slo.Parse, "is sought that meets": slo.Parse,
		"a request is good when": slo.ParseGood, "client and server agree on": reconcile.Parse, "compared with": compare.Parse,
	}
	row, read := regexp.MustCompile(`^\s*\| (.+?) +\| (.+?) +\|$`), 0
	for _, page := range pages(t) {
		var parse func(subject, expectation string) (harness.Objective, error)
		for _, l := range linesOf(t, page) {
			cells := row.FindStringSubmatch(l.text)
			switch {
			case l.language != "gherkin":
				parse = nil
			case cells == nil:
				parse = nil
				for sentence, of := range parsers {
					if strings.Contains(l.text, sentence) {
						parse = of
					}
				}
			case parse != nil:
				_, err := parse(cells[1], cells[2])
				assert.NoError(t, err, "%s:%d", page, l.number)
				read++
			}
		}
	}
	assert.Greater(t, read, 40)
}

// readings is how many sentences of the vocabulary read a text.
func readings(text string) (n int) {
	for _, concept := range steps.Vocabulary() {
		for _, s := range concept.Sentences {
			if s.Pattern.MatchString(text) {
				n++
			}
		}
	}
	return n
}

// TestMetricsDocument_isTheCatalogue generates the tables of docs/metrics.md: each goes from the metric that its
// mark names to the one before the next table's.
func TestMetricsDocument_isTheCatalogue(t *testing.T) {
	const path, end = "docs/metrics.md", "<!-- /metrics -->"
	begin := regexp.MustCompile(`<!-- metrics from (.+) -->\n`)
	text, metrics := readFile(t, path), metric.Metrics()
	place := func(name string) int {
		return slices.IndexFunc(metrics, func(m metric.Metric) bool { return m.Name == name })
	}
	marks := begin.FindAllStringSubmatchIndex(text, -1)
	require.NotEmpty(t, marks)
	require.Zero(t, place(text[marks[0][2]:marks[0][3]]), "the first table begins with the first metric")
	var page strings.Builder
	from := 0
	for i, mark := range marks {
		first, last := place(text[mark[2]:mark[3]]), len(metrics)
		if i+1 < len(marks) {
			last = place(text[marks[i+1][2]:marks[i+1][3]])
		}
		require.Less(t, first, last, "the tables have the order of the catalogue")
		page.WriteString(text[from:mark[1]] + "| metric | a quantity of it | what it is |\n|---|---|---|\n")
		for _, m := range metrics[first:last] {
			fmt.Fprintf(&page, "| %s | %s | %s |\n", m.Name, m.Unit.Example(), m.Formula)
		}
		length := strings.Index(text[mark[1]:], end)
		require.GreaterOrEqual(t, length, 0)
		from = mark[1] + length
	}
	page.WriteString(text[from:])
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o644))
	}
	assert.Equal(t, page.String(), readFile(t, path), "go test . -run MetricsDocument -update")
}

// TestTroubleshooting_messagesAreOurs looks for each message of docs/troubleshooting.md in the code.
func TestTroubleshooting_messagesAreOurs(t *testing.T) {
	var code strings.Builder
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			code.WriteString(strings.ReplaceAll(readFile(t, path), `\"`, `"`))
		}
		return err
	}))
	messages := 0
	for _, l := range linesOf(t, "docs/troubleshooting.md") {
		found := regexp.MustCompile("^\\| `([^`]+)` \\|").FindStringSubmatch(l.text)
		if found == nil {
			continue
		}
		messages++
		for part := range strings.SplitSeq(found[1], "…") {
			if part = strings.TrimSpace(part); len(part) > 3 {
				assert.True(t, strings.Contains(code.String(), part), "docs/troubleshooting.md:%d: no message of ours says %q", l.number, part)
			}
		}
	}
	assert.Greater(t, messages, 40)
}
