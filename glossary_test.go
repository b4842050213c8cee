package vllmspec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unclearMost is how often words that docs/glossary.md does without are still there. It may only fall.
const unclearMost = 5

// TestGlossary_unclearWordsBecomeFewer counts the words that docs/glossary.md does without, in comments and
// texts of the code outside tests, and in documents.
func TestGlossary_unclearWordsBecomeFewer(t *testing.T) {
	_, line, found := strings.Cut(readFile(t, "docs/glossary.md"), "we also do without: ")
	require.True(t, found)
	line, _, _ = strings.Cut(line, ".")
	unclear := regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(line, ", ", "|") + `)\b`)
	count := 0
	look := func(path string, line int, text string) {
		for _, word := range unclear.FindAllString(text, -1) {
			count++
			t.Logf("%s:%d: %s", path, line, word)
		}
	}
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		path = filepath.ToSlash(path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != "." || entry.Name() == "testdata" || path == "fixtures/generate" || path == "reports/out"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md") && path != "docs/glossary.md":
			for i, text := range strings.Split(readFile(t, path), "\n") {
				look(path, i+1, text)
			}
		case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go"):
			words(t, path, look)
		}
		return nil
	}))
	assert.LessOrEqual(t, count, unclearMost, "say what is meant, as docs/glossary.md has it")
}

// words calls look with each comment and each text of a file.
func words(t *testing.T, path string, look func(path string, line int, text string)) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
	require.NoError(t, err)
	for _, group := range file.Comments {
		for _, comment := range group.List {
			look(path, set.Position(comment.Pos()).Line, comment.Text)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			look(path, set.Position(text.Pos()).Line, text.Value)
		}
		return true
	})
}
