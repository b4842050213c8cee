package sentence

import (
	"fmt"

	messages "github.com/cucumber/messages/go/v21"
)

// Places are where the steps of a feature file stand, its scenarios, and the rows of their tables.
type Places struct {
	path  string
	lines map[string]int64   // AST node id → line
	rows  map[string][]int64 // of a step → lines of its table
}

// NewPlaces returns those of a feature; nil is an empty file.
func NewPlaces(path string, feature *messages.Feature) *Places {
	p := &Places{path, map[string]int64{}, map[string][]int64{}}
	if feature == nil {
		return p
	}
	for _, child := range feature.Children {
		p.note(child.Scenario, child.Background)
		if child.Rule != nil {
			for _, inner := range child.Rule.Children {
				p.note(inner.Scenario, inner.Background)
			}
		}
	}
	return p
}

// note remembers where a scenario, or a background, stands; either may be nil.
func (p *Places) note(scenario *messages.Scenario, background *messages.Background) {
	if background != nil {
		p.noteSteps(background.Steps)
	}
	if scenario == nil {
		return
	}
	p.lines[scenario.Id] = scenario.Location.Line
	p.noteSteps(scenario.Steps)
	for _, examples := range scenario.Examples {
		for _, row := range examples.TableBody {
			p.lines[row.Id] = row.Location.Line
		}
	}
}

func (p *Places) noteSteps(steps []*messages.Step) {
	for _, step := range steps {
		p.lines[step.Id] = step.Location.Line
		if step.DataTable != nil {
			for _, row := range step.DataTable.Rows {
				p.rows[step.Id] = append(p.rows[step.Id], row.Location.Line)
			}
		}
	}
}

// Line is where a scenario stands, or the row of an outline that it is.
func (p *Places) Line(scenario *messages.Pickle) int64 {
	if len(scenario.AstNodeIds) == 0 {
		return 0
	}
	return p.lines[scenario.AstNodeIds[len(scenario.AstNodeIds)-1]]
}

// Where is "features/chat.feature:23" for a node, or for a row of its table.
func (p *Places) Where(nodes []string, row ...int) string {
	if len(nodes) == 0 {
		return p.path
	}
	line, ok := p.lines[nodes[0]]
	if rows := p.rows[nodes[0]]; len(row) > 0 && row[0] < len(rows) {
		line = rows[row[0]]
	}
	if !ok {
		return p.path
	}
	return fmt.Sprintf("%s:%d", p.path, line)
}
