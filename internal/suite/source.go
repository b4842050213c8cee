package suite

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"github.com/vllmspec/vllmspec/steps"
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
	places    *steps.Places
}

// parse reads a feature.
func (s source) parse(feature Feature) (*parsed, error) {
	read, err := godog.TestSuite{Options: s.options(feature, io.Discard)}.RetrieveFeatures()
	if err != nil {
		return nil, err
	}
	p := &parsed{path: feature.Path, places: steps.NewPlaces(feature.Path, nil)}
	for _, f := range read {
		p.document, p.scenarios, p.places = f.GherkinDocument, f.Pickles, steps.NewPlaces(feature.Path, f.Feature)
	}
	return p, nil
}

// title is the name of the feature.
func (p *parsed) title() string {
	if p.document == nil || p.document.Feature == nil {
		return ""
	}
	return p.document.Feature.Name
}

// A numbering says of each scenario of a file which of its name it is, by its line, whatever
// tags and lines select.
type numbering map[int64]numbered

type numbered struct{ nth, of int }

// numbers counts the scenarios of a file.
func (p *parsed) numbers() numbering {
	lines, counts := map[string][]int64{}, numbering{}
	for _, scenario := range p.scenarios {
		lines[scenario.Name] = append(lines[scenario.Name], p.places.Line(scenario))
	}
	for _, of := range lines {
		slices.Sort(of)
		for i, line := range of {
			counts[line] = numbered{i + 1, len(of)}
		}
	}
	return counts
}
