package experiment

import (
	"fmt"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// Unmet is the error that names every row that is not met; nil where all are. With lenient an unknown one is let
// pass: it becomes a warning of the run, unless the run was interrupted.
func (e *Experiment) Unmet(verdicts []slo.Verdict, lenient bool) error {
	var rows []string
	missed := 0
	for _, v := range verdicts {
		switch {
		case v.Outcome == slo.Met:
		case v.Outcome == slo.Unknown && lenient && e.Stopped().Kind != harness.StopInterrupted:
			e.Warn(harness.Warning{Kind: harness.LetPass, Text: Explain(v)})
		default:
			if v.Outcome == slo.Missed {
				missed++
			}
			rows = append(rows, "  "+Explain(v))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d objectives are not met: %s\n%s", len(rows), len(verdicts), split(missed, len(rows)-missed), strings.Join(rows, "\n"))
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
