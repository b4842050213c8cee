package steps

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cucumber/godog"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/steps/internal/phrases"
	"github.com/vllmspec/vllmspec/steps/internal/sentence"
)

// The sentences that are judged of any run.
const (
	goodWhenPattern      = `^a request is good when:$`
	objectivesMetPattern = `^these objectives are met:$`
)

// Judged is what a scenario has judged of one run.
type Judged struct {
	Name, Where      string
	Line             int64
	Good, Objectives []harness.Objective
	Wrong            error // what else it has judged, and what is not read, each with its place
}

// JudgedIn reads what each scenario of a feature file has judged.
func (r *Reader) JudgedIn(file string) (all []Judged, err error) {
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	read, err := godog.TestSuite{Options: &godog.Options{FS: os.DirFS(filepath.Dir(file)), Paths: []string{filepath.Base(file)}, Output: io.Discard, Strict: true, Format: "pretty"}}.RetrieveFeatures()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, f := range read {
		places := NewPlaces(file, f.Feature)
		for _, scenario := range f.Pickles {
			one := Judged{Name: scenario.Name, Line: places.Line(scenario), Where: places.Where(scenario.AstNodeIds[len(scenario.AstNodeIds)-1:])}
			one.Good, one.Objectives, one.Wrong = r.judged(scenario, places.Where)
			all = append(all, one)
		}
	}
	return all, nil
}

func (r *Reader) judged(scenario *godog.Scenario, where Where) (good, objectives []harness.Objective, err error) {
	var errs []error
	for _, step := range scenario.Steps {
		said, ok := r.vocabulary.Read(step, where)
		switch {
		case !ok:
			errs = append(errs, sentence.Placed(where(step.AstNodeIds), r.vocabulary.Check(step.Text, phrases.All())))
		case said.Pattern == goodWhenPattern || said.Pattern == objectivesMetPattern:
			rows, err := said.Objectives()
			errs = append(errs, err)
			if said.Pattern == goodWhenPattern {
				good = append(good, rows...)
			} else {
				objectives = append(objectives, rows...)
			}
		case said.Judges != "" || said.Rows != nil:
			errs = append(errs, sentence.Placed(said.At(), errors.New("this is judged only of a load that the scenario runs; leave it out, or put it into a scenario of its own")))
		}
	}
	return good, objectives, errors.Join(errs...)
}
