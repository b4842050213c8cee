package suite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// tagged reports whether a scenario has one of these tags.
func tagged(pickle *godog.Scenario, names ...string) bool {
	return slices.ContainsFunc(pickle.Tags, func(tag *messages.PickleTag) bool { return slices.Contains(names, tag.Name) })
}

// whyNot is why a scenario cannot run here: its tags, or those of its rule, its
// examples or its feature, say that it needs a real server (@live), or one with a GPU
// that can be read (@gpu), or it is measured on the mock where only a real server is to
// be measured. "" where it can run. Tags that exclude each other are an error.
func (f *finder) whyNot(scenario *godog.Scenario) (string, error) {
	onMock := tagged(scenario, "@simulated") || f.reader.BringsMock(scenario)
	switch {
	case onMock && tagged(scenario, "@live", "@gpu"):
		return "", errors.New("the scenario is to run on a real server, as its tag @live or @gpu says, and on a simulated one; keep one of the two")
	case onMock && f.env.OnlyReal:
		return "it is measured on the mock, and VLLMSPEC_TARGET=live measures real servers only", nil
	case !tagged(scenario, "@live", "@gpu"):
		return "", nil
	case f.env.URLs == nil && f.env.Launch == nil:
		return "it needs a real server: set VLLM_URL, VLLM_COMMAND or VLLM_IMAGE", nil
	case !tagged(scenario, "@gpu"):
		return "", nil
	}
	return f.noGPU(), nil
}

// onMock reports whether a scenario is measured on the mock here, if it is measured.
func (f *finder) onMock(scenario *godog.Scenario) bool {
	return tagged(scenario, "@simulated") || f.reader.BringsMock(scenario) || !f.env.Live() && !tagged(scenario, "@live", "@gpu")
}

// choose are those scenarios of a file that lines and go test's flags choose.
func (f *finder) choose(file *parsed, path string) (chosen []*godog.Scenario, err error) {
	lines, some := f.env.Lines[path]
	end, err := linesIn(path, some)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		at := standingAt(file.document.Feature, int64(line), end)
		if at == nil {
			return nil, fmt.Errorf("%s:%d: no scenario stands there; they begin at %s", file.path, line, beginnings(file.document.Feature))
		}
		for _, scenario := range file.scenarios {
			if !slices.Contains(chosen, scenario) && slices.ContainsFunc(scenario.AstNodeIds, func(id string) bool { return slices.Contains(at, id) }) {
				chosen = append(chosen, scenario)
			}
		}
	}
	if !some {
		chosen = slices.Clone(file.scenarios)
	}
	return slices.DeleteFunc(chosen, func(scenario *godog.Scenario) bool {
		not := f.wanted != nil && !f.wanted(file.path, scenario.Name)
		f.unchosen = f.unchosen || not
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
