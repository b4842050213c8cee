package environment

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDocument_listsAllVariables holds docs/environment.md to the variables that are read, both ways.
func TestDocument_listsAllVariables(t *testing.T) {
	raw, err := os.ReadFile("../../docs/environment.md")
	require.NoError(t, err)
	listed := map[string][]string{}
	section := ""
	for line := range strings.Lines(string(raw)) {
		if title, is := strings.CutPrefix(line, "## "); is {
			section = strings.TrimSpace(title)
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if strings.HasPrefix(line, "| `") {
			for _, name := range regexp.MustCompile("`([A-Z][A-Z0-9_]+)`").FindAllStringSubmatch(first, -1) {
				listed[section] = append(listed[section], name[1])
			}
		}
	}
	reserved := reservedVars()
	honoured := slices.DeleteFunc(knownVars(), func(name string) bool { return reserved[name] != "" })
	assert.ElementsMatch(t, honoured, listed["Variables of vllmspec"])
	assert.Len(t, listed["Reserved"], len(reserved))
	for _, name := range listed["Reserved"] {
		assert.Contains(t, reserved, name)
	}
	assert.NotEmpty(t, listed["Variables of others"])
	for _, name := range listed["Variables of others"] {
		assert.NotContains(t, knownVars(), name, "it is one of ours")
	}
}
