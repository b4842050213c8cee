package steps_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/steps"
)

var update = flag.Bool("update", false, "write vocabulary.md anew")

// written are all steps of our features.
func written(t *testing.T) (out []*messages.Step) {
	t.Helper()
	features, err := godog.TestSuite{Options: &godog.Options{FS: os.DirFS(".."), Paths: []string{"features", "proofs"}}}.RetrieveFeatures()
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

func TestVocabulary_pageIsWhatTheTableSays(t *testing.T) {
	var page strings.Builder
	page.WriteString("# The vocabulary\n\nThe sentences that scenarios are made of, each with an example from `features/` or `proofs/`. " +
		"This page is generated from the code: `make generate`. [Sentences](../docs/sentences.md) is a cheat sheet of them; [metrics](../docs/metrics.md) has what the rows of tables can say.\n")
	all := written(t)
	page.WriteString("\nA scenario says who asks what, how often, for how long, and what must hold. … stands for what you write yourself.\n")
	for _, concept := range steps.Vocabulary() {
		fmt.Fprintf(&page, "\n- [%s](#%s)\n", concept.Name, strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(concept.Name)))
		for _, s := range concept.Sentences {
			fmt.Fprintf(&page, "  - `%s`\n", s.Shape)
		}
	}
	for _, concept := range steps.Vocabulary() {
		fmt.Fprintf(&page, "\n## %s\n", concept.Name)
		for _, s := range concept.Sentences {
			at := slices.IndexFunc(all, func(step *messages.Step) bool { return s.Pattern.MatchString(step.Text) })
			if assert.GreaterOrEqual(t, at, 0, "no scenario uses %s", s.Pattern) {
				fmt.Fprintf(&page, "\n%s\n\n```gherkin\n%s```\n", s.Does, example(all[at]))
			}
		}
	}
	if *update {
		require.NoError(t, os.WriteFile("vocabulary.md", []byte(page.String()), 0o644))
	}
	committed, err := os.ReadFile("vocabulary.md")
	require.NoError(t, err)
	assert.Equal(t, page.String(), string(committed), "sentences changed: make generate")
}
