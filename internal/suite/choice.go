package suite

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// Select has only those scenarios run that are wanted, by the path of their feature and their
// name. It is called before Features.
func (s *Suite) Select(wanted func(feature, scenario string) bool) { s.selects = wanted }

// choose are those scenarios of a file that lines and -run choose.
func (s *Suite) choose(of Feature, path string, parsed *messages.GherkinDocument, pickles []*godog.Scenario) (chosen []*godog.Scenario, err error) {
	lines, some := s.env.Lines[path]
	end, err := linesIn(path, some)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		at := standingAt(parsed.Feature, int64(line), end)
		if at == nil {
			return nil, fmt.Errorf("%s:%d: no scenario stands there; they begin at %s", of.Path, line, beginnings(parsed.Feature))
		}
		for _, pickle := range pickles {
			if !slices.Contains(chosen, pickle) && slices.ContainsFunc(pickle.AstNodeIds, func(id string) bool { return slices.Contains(at, id) }) {
				chosen = append(chosen, pickle)
			}
		}
	}
	if !some {
		chosen = slices.Clone(pickles)
	}
	return slices.DeleteFunc(chosen, func(pickle *godog.Scenario) bool {
		not := s.selects != nil && !s.selects(of.Path, pickle.Name)
		s.unchosen = s.unchosen || not
		return not
	}), nil
}

// standingAt are the nodes that a line means: a row of examples, a scenario, or all scenarios of the rule or the
// feature that begins there. nil for none.
func standingAt(feature *messages.Feature, line, end int64) (ids []string) {
	within := feature.Location.Line == line
	for _, child := range feature.Children {
		if child.Rule != nil && child.Rule.Location.Line == line {
			for _, inner := range child.Rule.Children {
				if inner.Scenario != nil {
					ids = append(ids, inner.Scenario.Id)
				}
			}
			return ids
		}
	}
	for _, at := range scenariosOf(feature, end) {
		for _, examples := range at.scenario.Examples {
			for _, row := range examples.TableBody {
				if row.Location.Line == line {
					return []string{row.Id}
				}
			}
		}
		if within || at.from <= line && line < at.to {
			ids = append(ids, at.scenario.Id)
		}
	}
	return ids
}

// linesIn is how many lines a file has, and one more; 0 where that is not asked.
func linesIn(path string, asked bool) (int64, error) {
	if !asked {
		return 0, nil
	}
	raw, err := os.ReadFile(path)
	return int64(bytes.Count(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"))) + 2, err
}

// beginnings are the lines at which scenarios begin, "line 3 and line 9".
func beginnings(feature *messages.Feature) string {
	var lines []string
	for _, at := range scenariosOf(feature, 0) {
		lines = append(lines, fmt.Sprintf("line %d", at.scenario.Location.Line))
	}
	return strings.Join(lines, ", ")
}
