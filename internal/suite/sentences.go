package suite

import (
	"strings"
	"unicode/utf8"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"
)

// sentencesOf are the lines of a scenario as a reader sees them, those of its background first, with the rows
// of tables indented.
func sentencesOf(pickle *godog.Scenario) (lines []string) {
	keywords := map[messages.PickleStepType]string{messages.PickleStepType_CONTEXT: "Given", messages.PickleStepType_ACTION: "When", messages.PickleStepType_OUTCOME: "Then"}
	before := ""
	for _, step := range pickle.Steps {
		keyword := keywords[step.Type]
		if keyword == before || keyword == "" {
			keyword = "And"
		} else {
			before = keyword
		}
		lines = append(lines, keyword+" "+step.Text)
		if step.Argument != nil && step.Argument.DataTable != nil {
			lines = append(lines, rowsOf(step.Argument.DataTable)...)
		}
	}
	return lines
}

// rowsOf are the rows of a table, in columns.
func rowsOf(table *messages.PickleTable) (lines []string) {
	var wide []int
	for _, row := range table.Rows {
		for k, cell := range row.Cells {
			if k == len(wide) {
				wide = append(wide, 0)
			}
			wide[k] = max(wide[k], utf8.RuneCountInString(cell.Value))
		}
	}
	for _, row := range table.Rows {
		line := "  |"
		for k, cell := range row.Cells {
			line += " " + cell.Value + strings.Repeat(" ", wide[k]-utf8.RuneCountInString(cell.Value)) + " |"
		}
		lines = append(lines, line)
	}
	return lines
}
