package suite

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// A source is where feature files are read from, and which of their scenarios.
type source struct {
	root string // folder that paths count from
	tags string // godog's tag expression
}

// options are godog's for one feature.
func (s source) options(feature Feature, output io.Writer) *godog.Options {
	root, path := s.root, feature.Path
	if filepath.IsAbs(path) {
		root, path = "/", strings.TrimPrefix(path, "/")
	}
	options := &godog.Options{
		FS: textFS{os.DirFS(root)}, Paths: []string{path}, Tags: s.tags, Output: output,
		// Without Strict an unknown sentence passes, and of two that match the first wins.
		Strict: true, Concurrency: 1, NoColors: true, Format: "pretty",
		DefaultContext: context.Background(),
	}
	if feature.text != "" {
		options.FS = cutFS{options.FS, path, feature.text}
	}
	return options
}

// A parsed file is a feature file as godog reads it.
type parsed struct {
	path      string
	document  *messages.GherkinDocument // nil: the file is empty, or the tags select none of it
	scenarios []*godog.Scenario         // that the tags select
	locations map[string]int64          // AST node id → line
	rows      map[string][]int64        // of a step → lines of its table
}

// parse reads a feature.
func (s source) parse(feature Feature) (*parsed, error) {
	read, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return nil, err
	}
	p := &parsed{path: feature.Path, locations: map[string]int64{}, rows: map[string][]int64{}}
	for _, f := range read {
		p.document, p.scenarios = f.GherkinDocument, f.Pickles
		if f.Feature != nil {
			p.locate(f.Feature.Children)
		}
	}
	return p, nil
}

// locate remembers where each step and each row of a table stands.
func (p *parsed) locate(children []*messages.FeatureChild) {
	for _, child := range children {
		p.note(child.Scenario, child.Background)
		if child.Rule != nil {
			for _, inner := range child.Rule.Children {
				p.note(inner.Scenario, inner.Background)
			}
		}
	}
}

// note remembers where a scenario, or a background, stands; either may be nil.
func (p *parsed) note(scenario *messages.Scenario, background *messages.Background) {
	if background != nil {
		p.noteSteps(background.Steps)
	}
	if scenario == nil {
		return
	}
	p.locations[scenario.Id] = scenario.Location.Line
	p.noteSteps(scenario.Steps)
	for _, examples := range scenario.Examples {
		for _, row := range examples.TableBody {
			p.locations[row.Id] = row.Location.Line
		}
	}
}

func (p *parsed) noteSteps(steps []*messages.Step) {
	for _, step := range steps {
		p.locations[step.Id] = step.Location.Line
		if step.DataTable != nil {
			for _, row := range step.DataTable.Rows {
				p.rows[step.Id] = append(p.rows[step.Id], row.Location.Line)
			}
		}
	}
}

// title is the name of the feature.
func (p *parsed) title() string {
	if p.document == nil || p.document.Feature == nil {
		return ""
	}
	return p.document.Feature.Name
}

// line is where a scenario stands, or the row of an outline that it is.
func (p *parsed) line(scenario *godog.Scenario) int64 { return p.locations[last(scenario.AstNodeIds)] }

// where is "features/chat.feature:23" for a node, or for a row of its table.
func (p *parsed) where(nodes []string, row ...int) string {
	if len(nodes) == 0 {
		return p.path
	}
	line, ok := p.locations[nodes[0]]
	if rows := p.rows[nodes[0]]; len(row) > 0 && row[0] < len(rows) {
		line = rows[row[0]]
	}
	if !ok {
		return p.path
	}
	return fmt.Sprintf("%s:%d", p.path, line)
}

// last is the node of a scenario that is its own: its scenario in the file, or the row of the outline that it is.
func last(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// A numbering says of each scenario of a file which of its name it is, by its line, whatever
// tags and lines select.
type numbering map[int64]numbered

type numbered struct{ nth, of int }

// numbers counts the scenarios of a file.
func (p *parsed) numbers() numbering {
	lines, counts := map[string][]int64{}, numbering{}
	for _, scenario := range p.scenarios {
		lines[scenario.Name] = append(lines[scenario.Name], p.line(scenario))
	}
	for _, of := range lines {
		slices.Sort(of)
		for i, line := range of {
			counts[line] = numbered{i + 1, len(of)}
		}
	}
	return counts
}
