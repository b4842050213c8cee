package ci

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// Summary is summary.md.
func Summary(all Results) string {
	return Markdown(all.Scenarios, all.Left...) + Refused(reasons(all.Refused), slices.ContainsFunc(all.Refused, func(r Refusal) bool { return r.AfterSome }))
}

// badge is badge.svg: where something was refused, what else passed is no result.
func badge(all Results) string {
	if all.Refused != nil {
		return Badge(nil)
	}
	return Badge(all.Scenarios)
}

// reasons are why something was not run, as one error; nil for none.
func reasons(refused []Refusal) error {
	var all []error
	for _, r := range refused {
		all = append(all, errors.New(r.Why))
	}
	return errors.Join(all...)
}

// AppendSummary adds a text to the file from which GitHub shows the summary of a step.
func AppendSummary(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("GITHUB_STEP_SUMMARY: %w", err)
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
