package dataset_test

import (
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/dataset"
)

var update = flag.Bool("update", false, "write the table of formats in docs/files.md anew")

func TestFormats_areAllInTheDocs(t *testing.T) {
	const path = "../../docs/files.md"
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	table := regexp.MustCompile(`(?s)<!-- formats -->\n.*<!-- /formats -->`)
	require.Regexp(t, table, string(committed))
	fresh := table.ReplaceAllLiteralString(string(committed), "<!-- formats -->\n"+dataset.FormatTable()+"<!-- /formats -->")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(fresh), 0o644))
		return
	}
	assert.Equal(t, fresh, string(committed), "run go test ./harness/dataset -run Formats -update")
}
