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

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
