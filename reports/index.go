package reports

import (
	"path"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// An Entry is one run in the list of runs.
type Entry struct {
	Scenario, Where, When, Model, Link string
	Outcome                            slo.Outcome
	Passed                             bool
	Says                               string // met, or what was not
}

// NewEntry is the line of a run that is stored.
func NewEntry(m store.Manifest, verdicts []slo.Verdict) Entry {
	outcome, says := headline(verdicts, m)
	return Entry{
		Scenario: m.Scenario.Name, Where: m.Scenario.Where, When: m.Start.UTC().Format("2006-01-02 15:04:05"),
		Model: m.Server.Model, Link: path.Join(m.Run, "report.html"), Outcome: outcome, Passed: passed(verdicts, m), Says: says,
	}
}
