package steps_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
)

var update = flag.Bool("update", false, "write vocabulary.md anew")

// A sentence is what one registration in this package says.
type sentence struct {
	pattern *regexp.Regexp
	does    string // the comment of its handler
	example string // a step of our features that it reads
}

// concepts are the files that register sentences, in the order of a scenario.
func concepts() []string {
	return []string{"target", "faults", "workload", "cache", "mix", "arrivals", "load", "measurement", "repeats", "settings", "sweep", "search", "run", "objectives", "agreement", "comparison", "sides"}
}

// registered reads the sentences from the source: what godog runs and what
// editors complete are these same literals.
func registered(t *testing.T, concept string) (out []sentence) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), concept+".go", nil, parser.ParseComments)
	require.NoError(t, err)
	comments := map[string]string{}
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			comments[f.Name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		if callee, ok := call.Fun.(*ast.SelectorExpr); !ok || callee.Sel.Name != "Step" {
			return true
		}
		pattern, err := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		handler := call.Args[1].(*ast.SelectorExpr).Sel.Name
		does := strings.TrimPrefix(comments[handler], handler+" ")
		require.NotEmpty(t, does, "%s has no comment", handler)
		out = append(out, sentence{pattern: regexp.MustCompile(pattern), does: does})
		return true
	})
	require.NotEmpty(t, out, concept)
	return out
}

// written are all steps of our features.
func written(t *testing.T) (out []*messages.Step) {
	t.Helper()
	features, err := godog.TestSuite{Options: &godog.Options{FS: os.DirFS(".."), Paths: []string{"features"}}}.RetrieveFeatures()
	require.NoError(t, err)
	for _, f := range features {
		for _, child := range f.Feature.Children {
			if child.Background != nil {
				out = append(out, child.Background.Steps...)
			}
			if child.Scenario != nil {
				out = append(out, child.Scenario.Steps...)
			}
		}
	}
	return out
}

func example(s *messages.Step) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", strings.TrimSpace(s.Keyword), s.Text)
	if s.DataTable != nil {
		for _, row := range s.DataTable.Rows {
			out.WriteString("  |")
			for _, cell := range row.Cells {
				fmt.Fprintf(&out, " %s |", cell.Value)
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

func TestTheVocabularyIsWhatIsRegistered(t *testing.T) {
	var page strings.Builder
	page.WriteString("# The vocabulary\n\nThe sentences that scenarios are made of, each with an example from `features/`. " +
		"This page is generated from the code: `make generate`.\n")
	steps := written(t)
	for _, concept := range concepts() {
		fmt.Fprintf(&page, "\n## %s%s\n", strings.ToUpper(concept[:1]), concept[1:])
		for _, s := range registered(t, concept) {
			for _, step := range steps {
				if s.pattern.MatchString(step.Text) {
					s.example = example(step)
					break
				}
			}
			if assert.NotEmpty(t, s.example, "no scenario uses %s", s.pattern) {
				fmt.Fprintf(&page, "\n%s%s\n\n```gherkin\n%s```\n", strings.ToUpper(s.does[:1]), s.does[1:], s.example)
			}
		}
	}
	page.WriteString(rows())
	if *update {
		require.NoError(t, os.WriteFile("vocabulary.md", []byte(page.String()), 0o644))
	}
	committed, err := os.ReadFile("vocabulary.md")
	require.NoError(t, err)
	assert.Equal(t, page.String(), string(committed), "sentences changed: make generate")
}

// rows documents the one grammar that all tables share.
func rows() string {
	var out strings.Builder
	out.WriteString("\n## Rows of tables\n\nA row reads as a sentence: *[statistic] metric* | *at most, at least, exactly, none, or between … and …*. " +
		"Statistics are `min`, `mean`, `max`, `total` and percentiles such as `p50` or `p99.9`; what makes one request good has none. " +
		"A series of the server's own can be named in quotes: `max \"vllm:kv_cache_usage_perc\"`, or, of one that counts, `total \"vllm:request_success_total\"`, and of some of its labels only, `total \"vllm:request_success_total{finished_reason=length}\"`. " +
		"A row that compares reads *[statistic] metric* | *at most 5% worse*, or *at least 3% better*; which way is worse the metric knows.\n\n| metric | a quantity of it | what it is |\n|---|---|---|\n")
	for _, m := range slo.Metrics() {
		fmt.Fprintf(&out, "| %s | %s | %s |\n", m.Name, m.Unit.Example(), m.Formula)
	}
	return out.String()
}

// TestNoFileRegistersBesideTheConcepts keeps the page complete.
func TestNoFileRegistersBesideTheConcepts(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(raw), "sc.Step(") && !strings.HasSuffix(file, "_test.go") {
			assert.Contains(t, concepts(), strings.TrimSuffix(file, ".go"))
		}
	}
}
