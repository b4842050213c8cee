package steps

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cucumber/godog"
)

// A Reader reads scenarios: it has every sentence of the vocabulary, ready to match.
type Reader struct{ vocabulary vocabulary }

// NewReader returns a reader of the whole vocabulary.
func NewReader() *Reader { return &Reader{newVocabulary()} }

// Where is "features/chat.feature:23" for a node of a feature, the first of these, or for a row of its table.
type Where func(nodes []string, row ...int) string

// BringsMock reports whether a scenario has a simulated server of its own.
func (r *Reader) BringsMock(scenario *godog.Scenario) bool {
	return slices.ContainsFunc(scenario.Steps, func(step *godog.Step) bool {
		by := r.vocabulary.reading(step.Text)
		return by != nil && by.simulates
	})
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
			said, ok := r.vocabulary.read(step, where)
			if err := r.vocabulary.check(step.Text); err != nil && !seen[at] {
				seen[at] = true // a background's steps stand in every scenario
				errs = append(errs, fmt.Errorf("%s: %w", at, err))
			} else if ok && !seen[at] {
				seen[at] = true
				errs = append(errs, said.checkRows()...)
			}
			if !ok || said.check == nil || refused[at] {
				continue
			}
			if err := said.check(said.args, onMock(scenario)); err != nil {
				refused[at] = true
				errs = append(errs, fmt.Errorf("%s: %w", at, err))
			}
		}
	}
	return errors.Join(errs...)
}
