//go:build linux

package vllmspec

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// endsDocument is where the cells are listed.
const endsDocument = "docs/reliability.md"

// TestEndsDocument_listsTheCells holds the table of the document against the cells that are run.
func TestEndsDocument_listsTheCells(t *testing.T) {
	raw, err := os.ReadFile(endsDocument)
	require.NoError(t, err)
	_, text, begins := strings.Cut(string(raw), "<!-- ends: begin -->\n")
	text, _, ends := strings.Cut(text, "<!-- ends: end -->")
	require.True(t, begins && ends, "%s has no marks around the cells", endsDocument)
	assert.Equal(t, endsTable(), text, "put this between the marks of %s:\n%s", endsDocument, endsTable())
}

// endsTable has a row for each blow and a column for each stage; what stands there is how the
// server came to be there.
func endsTable() string {
	stages := []string{stageStart, stageKey, stagePreflight, stageMetrics, stageLoad, stageJudging, stageWriting, stagePublishing}
	letters := map[string]string{wayPlain: "C", wayFamily: "F", wayFrozen: "S", wayOthers: "U"}
	in := map[string]string{}
	count := 0
	for _, c := range endsCells() {
		if c.way != wayContainer {
			in[c.blow.name+c.stage], count = letters[c.way], count+1
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d cells. C: %s; F: %s; S: %s; U: %s.\n\n", count, wayPlain, wayFamily, wayFrozen, wayOthers)
	out.WriteString("| | " + strings.Join(stages, " | ") + " |\n|---" + strings.Repeat("|---", len(stages)) + "|\n")
	for _, b := range slices.Concat(blows(), []blow{timeout}) {
		out.WriteString("| " + b.name + " |")
		for _, stage := range stages {
			out.WriteString(" " + in[b.name+stage] + " |")
		}
		out.WriteString("\n")
	}
	return out.String()
}
