package steps

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/vllmspec/vllmspec/reports"
)

// writeFaces leaves what CI systems and READMEs show: summary.md and badge.svg. Where
// GitHub runs it, its step gets the summary too, and the lines of scenarios that are
// not met get annotations.
func (s *Suite) writeFaces() error {
	summary := reports.Markdown(s.told)
	err := errors.Join(
		os.WriteFile(filepath.Join(s.env.Out, "summary.md"), []byte(summary), 0o644),
		os.WriteFile(filepath.Join(s.env.Out, "badge.svg"), []byte(reports.Badge(s.told)), 0o644),
	)
	if s.env.Summary != "" {
		err = errors.Join(err, appendTo(s.env.Summary, summary))
	}
	if s.env.Annotate {
		for _, t := range s.told {
			if line := t.Annotation(); line != "" {
				fmt.Fprintln(s.output, line)
			}
		}
	}
	return err
}

// toldOf keeps what CI systems are told of the scenario, which has ended with this
// error: also of one that failed before there was anything to judge.
func (w *world) toldOf(cause error) {
	t := w.told
	if t == nil {
		t = &reports.Told{Scenario: w.pickle.Name, Nth: w.suite.named[w.pickle.Name], Where: w.scenario.Where, Outcome: reports.Failed}
		if cause != nil {
			t.Headline = "Not judged: " + cause.Error()
		}
	}
	if t.Passed = cause == nil; cause != nil {
		t.Failure = cause.Error()
	}
	w.suite.told = append(w.suite.told, *t)
}

// letPass reports whether something is unknown that would have failed the scenario.
func (w *world) letPass() bool {
	var warnings []string
	if w.whole != nil {
		warnings = w.whole.warnings
	} else if w.run != nil {
		warnings = w.run.Warnings
	}
	return reports.LetPass(warnings)
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
