package suite_test

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReport_queriesRun asks DuckDB what docs/report.md asks it, of a run that lies as it says.
func TestReport_queriesRun(t *testing.T) {
	needsDuckDB(t)
	root := t.TempDir()
	r, err := tryIn(t, root, minute+"      | p50 TTFT | at most 500 ms |\n")
	require.NoError(t, err)
	require.True(t, r.passed, r.output)
	queries := regexp.MustCompile(`(?s)duckdb -c "(.*?)"`).FindAllStringSubmatch(leftFile(t, filepath.Join("..", ".."), "docs/report.md"), -1)
	require.Len(t, queries, 2)
	d := &duck{t: t}
	for _, q := range queries {
		d.ask(q[1], func(rows [][]string) {
			require.Len(t, rows, 1, q[1])
			assert.NotContains(t, rows[0], "", q[1])
			assert.NotContains(t, rows[0], "0", q[1])
		})
	}
	d.ask("select distinct run from 'reports/out/run=*/requests.parquet'", func(rows [][]string) {
		assert.Equal(t, "run="+rows[0][0], filepath.Base(r.runs[0]), "as DuckDB has it from the folder's name")
	})
	d.run(root)
}
