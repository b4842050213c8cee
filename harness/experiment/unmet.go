package experiment

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// An UnmetError says of which rows it is that a scenario failed, and why each is not met.
type UnmetError struct {
	Missed, Unknown, Of int
	Rows                []string // in one line each
}

// Error names them.
func (u *UnmetError) Error() string {
	return fmt.Sprintf("%d of %d objectives are not met: %s\n  %s", len(u.Rows), u.Of, split(u.Missed, u.Unknown), strings.Join(u.Rows, "\n  "))
}

// Unmet is the error that names every row that is not met, an [UnmetError]; nil where all are. With lenient an
// unknown one is let pass: it becomes a warning of the run, unless the run was interrupted.
func (e *Experiment) Unmet(verdicts []slo.Verdict, lenient bool) error {
	unmet := &UnmetError{Of: len(verdicts)}
	for _, v := range verdicts {
		switch {
		case v.Outcome == slo.Met:
			continue
		case v.Outcome == slo.Missed:
			unmet.Missed++
		case lenient && e.Stopped().Kind != harness.StopInterrupted:
			e.Warn(harness.Warning{Kind: harness.LetPass, Text: Explain(v)})
			continue
		default:
			unmet.Unknown++
		}
		unmet.Rows = append(unmet.Rows, Explain(v))
	}
	if unmet.Rows == nil {
		return nil
	}
	return unmet
}

// split says how many are missed and how many unknown.
func split(missed, unknown int) string {
	switch {
	case unknown == 0:
		return fmt.Sprintf("%d missed", missed)
	case missed == 0:
		return fmt.Sprintf("%d unknown", unknown)
	}
	return fmt.Sprintf("%d missed, %d unknown", missed, unknown)
}

// Explain is a verdict in one line, with its cause, its notes and where it was asked for.
func Explain(v slo.Verdict) string {
	line := v.Sentence()
	if v.Outcome == slo.Missed && !v.Cause.IsZero() {
		line += ", because " + v.Cause.Reason()
	}
	for _, note := range v.Notes { // they say what keeps an unknown one from being known
		line += "; " + note
	}
	return line + " (" + v.Where + ")"
}
