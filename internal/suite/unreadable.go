package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	messages "github.com/cucumber/messages/go/v21"
)

// parserError is a line of the error of Gherkin's parser, which has no type: "(4:3): expected: …, got 'text'".
var parserError = regexp.MustCompile(`^\((\d+):\d+\): (?:expected: .*, got '(.*)'|(.*))$`)

// unreadable is an error of Gherkin's parser in words of ours, each mistake in a line with its place.
func unreadable(path string, err error) error {
	var errs []error
	lost := false // what follows a line that cannot stand where it stands follows from it
	for line := range strings.Lines(err.Error()) {
		parts := parserError.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if parts == nil {
			continue
		}
		says := parts[3]
		switch {
		case parts[2] != "" && lost:
			continue
		case strings.Contains(line, "#FeatureLine"):
			lost, says = true, fmt.Sprintf("%q cannot stand here; a file begins with Feature: and a name", strings.TrimSpace(parts[2]))
		case parts[2] != "":
			lost, says = true, fmt.Sprintf("%q cannot stand here; a sentence begins with Given, When, Then, And or But, and a scenario with Scenario:", strings.TrimSpace(parts[2]))
		case says == "inconsistent cell count within the table":
			says = "the rows of this table have different numbers of cells; a row of objectives has two: | p99 TTFT | at most 500 ms |"
		}
		errs = append(errs, fmt.Errorf("%s:%s: %s", path, parts[1], says))
	}
	if errs == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(errs...)
}

// swallowed finds the lines of descriptions that were meant as sentences: their keyword is missing or misspelt.
func (f *finder) swallowed(file *parsed, options fs.FS, name string) error {
	var errs []error
	text, err := fs.ReadFile(options, name)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for _, of := range descriptions(file.document.Feature) {
		at := of.line // of the name; the description follows
		for line := range strings.Lines(of.text) {
			line = strings.TrimSpace(line)
			meant := f.reader.Swallowed(line)
			if line == "" || meant == "" {
				continue
			}
			for at < len(lines) && strings.TrimSpace(lines[at]) != line {
				at++
			}
			errs = append(errs, fmt.Errorf("%s:%d: %q begins with no keyword, and is read as a description; did you mean %q?", file.path, at+1, line, meant))
		}
	}
	return errors.Join(errs...)
}

// A description is a text below the name of a scenario or a background, which stands in a line.
type description struct {
	text string
	line int
}

func descriptions(feature *messages.Feature) (all []description) {
	background := func(b *messages.Background) {
		if b != nil {
			all = append(all, description{b.Description, int(b.Location.Line)})
		}
	}
	scenario := func(s *messages.Scenario) {
		if s != nil {
			all = append(all, description{s.Description, int(s.Location.Line)})
		}
	}
	for _, child := range feature.Children {
		background(child.Background)
		scenario(child.Scenario)
		if child.Rule != nil {
			for _, of := range child.Rule.Children {
				background(of.Background)
				scenario(of.Scenario)
			}
		}
	}
	return all
}
