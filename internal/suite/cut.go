package suite

import (
	"bytes"
	"io/fs"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// only is a feature file with nothing but these of its scenarios: the lines of all
// others are empty, so that every line keeps its number.
func only(raw []byte, feature *messages.Feature, keep []*godog.Scenario) string {
	kept := map[string]bool{} // nodes of the file: scenarios, and rows of examples
	for _, pickle := range keep {
		for _, id := range pickle.AstNodeIds {
			kept[id] = true
		}
	}
	lines := bytes.Split(raw, []byte("\n"))
	blank := func(from, to int64) { // lines count from 1; to is the first that stays
		for i := from; i < min(to, int64(len(lines))+1); i++ {
			lines[i-1] = nil
		}
	}
	all := scenariosOf(feature, int64(len(lines))+1)
	for _, at := range all {
		if !kept[at.scenario.Id] {
			blank(at.from, at.to)
			continue
		}
		for i, examples := range at.scenario.Examples {
			to := at.to
			if i+1 < len(at.scenario.Examples) {
				to = firstLine(at.scenario.Examples[i+1].Tags, at.scenario.Examples[i+1].Location)
			}
			some := false
			for _, row := range examples.TableBody {
				if some = some || kept[row.Id]; !kept[row.Id] {
					blank(row.Location.Line, row.Location.Line+1)
				}
			}
			if !some {
				blank(firstLine(examples.Tags, examples.Location), to)
			}
		}
	}
	return string(bytes.Join(lines, []byte("\n")))
}

// A span is where a scenario stands in its file.
type span struct {
	scenario *messages.Scenario
	from, to int64 // lines: its first, with its tags, and the first of what comes after it
}

// scenariosOf are all scenarios of a feature, those of its rules too, in a file that
// ends before a line.
func scenariosOf(feature *messages.Feature, end int64) (all []span) {
	var starts []int64
	add := func(scenario *messages.Scenario, from int64) {
		starts = append(starts, from)
		if scenario != nil {
			all = append(all, span{scenario: scenario, from: from})
		}
	}
	for _, child := range feature.Children {
		switch {
		case child.Scenario != nil:
			add(child.Scenario, firstLine(child.Scenario.Tags, child.Scenario.Location))
		case child.Rule != nil:
			add(nil, firstLine(child.Rule.Tags, child.Rule.Location))
			for _, inner := range child.Rule.Children {
				if inner.Scenario != nil {
					add(inner.Scenario, firstLine(inner.Scenario.Tags, inner.Scenario.Location))
				}
			}
		}
	}
	for i := range all {
		all[i].to = end
		for _, start := range starts {
			if start > all[i].from {
				all[i].to = min(all[i].to, start)
			}
		}
	}
	return all
}

// firstLine is where something begins: at its first tag, if it has one.
func firstLine(tags []*messages.Tag, at *messages.Location) int64 {
	line := at.Line
	for _, tag := range tags {
		line = min(line, tag.Location.Line)
	}
	return line
}

// A cutFS has another text in place of that of one file. (godog's FeatureContents are
// no way to do that: they are run, and not what RetrieveFeatures reads.)
type cutFS struct {
	fs.FS
	path, text string
}

// Open opens a file, or its other text.
func (c cutFS) Open(name string) (fs.File, error) {
	file, err := c.FS.Open(name)
	if err != nil || name != c.path {
		return file, err
	}
	return cutFile{file, strings.NewReader(c.text)}, nil
}

// A cutFile is a file of which another text is read.
type cutFile struct {
	fs.File
	text *strings.Reader
}

// Read reads the other text.
func (f cutFile) Read(into []byte) (int, error) { return f.text.Read(into) }
