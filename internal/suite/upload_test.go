package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/bucket/buckettest"
)

const thrice = `@simulated
Feature: X
  Scenario: One
    Given a simulated server of "llama-3.1-8b" on "one H100"
    And prompts of 16 tokens are answered in 4 tokens
    And requests arrive evenly at 10 per second
    And everything is repeated 3 times
    When the load runs for 3 seconds
    Then these objectives are met:
      | error rate | none |
`

// filesBelow are the files of a folder and what they hold, by their path in it.
func filesBelow(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		within, _ := filepath.Rel(folder, path)
		all[within] = string(raw)
		return err
	}))
	return all
}

func TestBucket_runsAreSentWhole(t *testing.T) {
	needsDuckDB(t)
	store := buckettest.Start(t)
	r := feature(t, thrice, append(store.Variables(), "VLLMSPEC_OUT=s3://runs/team/ci")...)
	require.True(t, r.passed, r.output)
	assert.Contains(t, r.output, "4 runs were sent to s3://runs/team/ci\n")
	require.Len(t, r.runs, 4, "three, and their group")
	for _, dir := range r.runs {
		assert.Equal(t, filesBelow(t, dir), filesBelow(t, filepath.Join(store.Folder, "runs", "team", "ci", filepath.Base(dir))))
	}
	assert.NoFileExists(t, filepath.Join(r.out, ".unsent"))
	again := feature(t, strings.NewReplacer("    And everything is repeated 3 times\n", "", "Scenario: One", "Scenario: Another").Replace(thrice), append(store.Variables(), "VLLMSPEC_OUT=s3://runs/team/ci")...)
	assert.Contains(t, again.output, "1 run was sent to s3://runs/team/ci\n", "neither those of before")

	var d duck
	d.t = t
	host := strings.TrimPrefix(store.Endpoint, "http://")
	d.ask(`LOAD '`+httpfs(t)+`'; CREATE SECRET (TYPE s3, KEY_ID '`+store.Key+`', SECRET '`+store.Secret+`', REGION 'us-east-1', ENDPOINT '`+host+`', URL_STYLE 'path', USE_SSL false);
		SELECT run, count(*) FROM read_parquet('s3://runs/team/ci/run=*/requests.parquet', hive_partitioning = false) GROUP BY run ORDER BY run`,
		func(rows [][]string) {
			assert.Len(t, rows, 4)
			for _, row := range rows {
				assert.Equal(t, "30", row[1], row[0])
			}
		})
	d.run(t.TempDir())
}

// httpfs is the path of DuckDB's extension that reads from buckets.
func httpfs(t *testing.T) string {
	t.Helper()
	out, err := python(`import pathlib, duckdb_extension_httpfs as h; print(next(pathlib.Path(h.__path__[0]).rglob("*.duckdb_extension")))`).Output()
	if err != nil {
		t.Skip("DuckDB's extension httpfs is not here; to run this test: pip install duckdb-extension-httpfs")
	}
	return strings.TrimSpace(string(out))
}

func TestBucket_whatIsNotSentGoesLater(t *testing.T) {
	store, root := buckettest.Start(t), t.TempDir()
	once := strings.Replace(thrice, "    And everything is repeated 3 times\n", "", 1)
	variables := append(store.Variables(), "VLLMSPEC_OUT=s3://runs")
	away := append([]string{}, variables...)
	away[0] = "AWS_ENDPOINT_URL_S3=http://127.0.0.1:1"
	r, err := tryIn(t, root, once, away...)
	require.NoError(t, err)
	assert.True(t, r.passed, "the verdict is that of the run")
	assert.Contains(t, r.output, "warning: 1 of 1 run was not sent to s3://runs: ")
	assert.Contains(t, r.output, "connection refused. They are kept in "+r.out)
	assert.NotContains(t, r.output, store.Secret)
	r, err = tryIn(t, root, once, variables...)
	require.NoError(t, err)
	assert.Contains(t, r.output, "2 runs were sent to s3://runs\n", "the one from before too")
	there, err := filepath.Glob(filepath.Join(store.Folder, "runs", "run=*"))
	require.NoError(t, err)
	assert.Len(t, there, 2)
}

func TestBucket_oneThatSaysNoEndsBeforeTheLoad(t *testing.T) {
	store := buckettest.Start(t)
	for out, says := range map[string]string{"s3://nowhere": "VLLMSPEC_OUT=s3://nowhere: there is no bucket nowhere", "s3://runs?key=topsecret": "VLLMSPEC_OUT: nothing may follow the prefix", "gs://runs": "storage.googleapis.com"} {
		r, err := try(t, thrice, append(store.Variables(), "VLLMSPEC_OUT="+out)...)
		assert.ErrorContains(t, err, says)
		assert.Empty(t, r.runs)
		assert.NotContains(t, err.Error(), "topsecret")
	}
}
