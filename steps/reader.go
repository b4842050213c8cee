package steps

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/internal/spelling"
	"github.com/vllmspec/vllmspec/steps/internal/phrases"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// A Reader reads scenarios: it has every sentence of the vocabulary, ready to match.
type Reader struct {
	vocabulary vocabulary
	own        Own
	checked    map[string]bool // see [rehearsal]
}

// Own is what a user adds to what scenarios can say, without a sentence of its own.
type Own struct {
	Datasets map[string]harness.Dataset // by the names that "conversations are drawn from" gives them
	Metrics  metric.Own                 // that rows can be about
}

// NewReader returns a reader of the whole vocabulary.
func NewReader(own Own) *Reader {
	return &Reader{vocabulary: newVocabulary(own.Metrics), checked: map[string]bool{}, own: own}
}

// Where is "features/chat.feature:23" for a node of a feature, the first of these, or for a row of its table.
type Where = sentence.Where

// Places are where the steps of a feature file stand, its scenarios, and the rows of their tables.
type Places = sentence.Places

// NewPlaces returns those of a feature; nil is an empty file.
func NewPlaces(path string, feature *messages.Feature) *Places {
	return sentence.NewPlaces(path, feature)
}

// BringsMock reports whether a scenario has a simulated server of its own.
func (r *Reader) BringsMock(scenario *godog.Scenario) bool {
	return slices.ContainsFunc(scenario.Steps, func(step *godog.Step) bool {
		said, ok := r.vocabulary.ReadText(step.Text)
		return ok && said.Simulates
	})
}

// Swallowed is the sentence that was probably meant by a line of a scenario's description: its keyword is missing or
// misspelt, so that the line says nothing to a run; "" for other text.
func (r *Reader) Swallowed(line string) string {
	line = strings.TrimSpace(line)
	if _, whole := r.vocabulary.ReadText(line); whole {
		return "And " + line
	}
	first, rest, _ := strings.Cut(line, " ")
	if _, reads := r.vocabulary.ReadText(strings.TrimSpace(rest)); !reads {
		return ""
	}
	return cmp.Or(spelling.Nearest(first, []string{"Given", "When", "Then", "And", "But"}), "And") + " " + strings.TrimSpace(rest)
}

// Check finds the mistakes of a file's scenarios before anything runs, each with its line: sentences that
// no entry of the vocabulary reads, rows of objectives that cannot be judged, and arguments that cannot be meant. onMock
// says which scenarios are measured on the mock.
func (r *Reader) Check(scenarios []*godog.Scenario, onMock func(*godog.Scenario) bool, where Where) error {
	seen, refused := map[string]bool{}, map[string]bool{}
	var errs []error
	for _, scenario := range scenarios {
		for _, step := range scenario.Steps {
			at := where(step.AstNodeIds)
			said, ok := r.vocabulary.Read(step, where)
			if err := r.vocabulary.Check(step.Text, phrases.All()); err != nil && !seen[at] {
				seen[at] = true // a background's steps stand in every scenario
				errs = append(errs, sentence.Placed(at, err))
			} else if ok && !seen[at] {
				seen[at] = true
				errs = append(errs, said.CheckRows())
			}
			if !ok || said.Check == nil || refused[at] {
				continue
			}
			if err := said.Check(said.Args, onMock(scenario)); err != nil {
				refused[at] = true
				errs = append(errs, sentence.Placed(at, err))
			}
		}
	}
	return errors.Join(errs...)
}
