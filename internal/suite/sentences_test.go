package suite

import (
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
	"github.com/stretchr/testify/assert"
)

func TestSentences_ofAScenarioAreAsAReaderSeesThem(t *testing.T) {
	row := func(cells ...string) *messages.PickleTableRow {
		of := &messages.PickleTableRow{}
		for _, cell := range cells {
			of.Cells = append(of.Cells, &messages.PickleTableCell{Value: cell})
		}
		return of
	}
	table := &messages.PickleStepArgument{DataTable: &messages.PickleTable{Rows: []*messages.PickleTableRow{row("p50 TTFT", "at most 1 s"), row("error rate", "none")}}}
	pickle := &godog.Scenario{Steps: []*messages.PickleStep{
		{Type: messages.PickleStepType_CONTEXT, Text: "a server"},
		{Type: messages.PickleStepType_CONTEXT, Text: "users"},
		{Type: messages.PickleStepType_ACTION, Text: "the load runs"},
		{Type: messages.PickleStepType_OUTCOME, Text: "these are met:", Argument: table},
		{Type: messages.PickleStepType_UNKNOWN, Text: "so on"},
	}}
	assert.Equal(t, []string{"Given a server", "And users", "When the load runs", "Then these are met:", "  | p50 TTFT   | at most 1 s |", "  | error rate | none        |", "And so on"}, sentencesOf(pickle))
}
