package report

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
)

func TestReport_drawsAPageAgainFromItsFiles(t *testing.T) {
	record := harness.NewRecord(0, 0)
	record.Sent, record.Done, record.Chunks, record.Finish = 0, 2e7, []time.Duration{1e7, 2e7}, "stop"
	run := &harness.Run{Scenario: harness.Scenario{Name: "Once more"}, Length: 1e9, To: 1e9,
		Records: slices.Values([]harness.Record{record}), Samples: slices.Values([]harness.Sample(nil))}
	folder, err := store.Create(t.TempDir(), "run=x")
	require.NoError(t, err)
	sink := folder.Archive("Once more")
	require.NoError(t, sink.Record(record))
	require.NoError(t, sink.Close())
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run)))
	require.NoError(t, folder.WriteFile("verdicts.json", []byte("[]")))
	dir, err := folder.Publish()
	require.NoError(t, err)

	path, err := draw(dir)
	require.NoError(t, err)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(page), "Once more")
	assert.Equal(t, filepath.Join(dir, "report.html"), path)
	_, err = draw(t.TempDir())
	assert.ErrorContains(t, err, "is no stored run")
}

func TestReport_mistakes(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "run=empty"), 0o755))
	for _, args := range []string{"report nope", "report run=empty", "report .run=nope", "compare nope run=empty"} {
		var out, complaints bytes.Buffer
		code := command.Table{Command(), CompareCommand()}.Run(command.Call{Args: strings.Fields(args), Dir: dir, Out: &out, Err: &complaints})
		assert.Equal(t, command.Wrong, code, args)
		assert.Contains(t, complaints.String(), "is no stored run", args)
	}
}

func TestReport_countsFoldersFromItsOwn(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	folder.Leave()
	call := &command.Call{Dir: root}
	paths, err := stored(call, []string{".run=x"})
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(root, ".run=x")}, paths)
}

func TestReport_drawsWhatIsLeftOfAKilledRun(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=x")
	require.NoError(t, err)
	run := &harness.Run{Scenario: harness.Scenario{Name: "Cut off", Objectives: []harness.Objective{{Text: "p50 TTFT at most 1 s", Statistic: "p50", Metric: "TTFT", Relation: harness.AtMost, Limit: 1}}},
		Records: slices.Values([]harness.Record(nil))}
	require.NoError(t, folder.WriteJSON("run.json", store.NewManifest(folder.Run(), run))) // as far as it came
	hidden := filepath.Join(root, ".run=x")
	_, err = draw(hidden)
	require.ErrorContains(t, err, "its run is still going on")
	folder.Leave()
	path, err := draw(hidden)
	require.NoError(t, err)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(page), "the program was killed")
	assert.Contains(t, string(page), "unknown")
	drawn, err := draw(filepath.Dir(path))
	require.NoError(t, err, "its verdicts are those of what is left")
	assert.Equal(t, path, drawn)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "verdicts.json"), []byte("[]\n"), 0o644))
	_, err = draw(filepath.Dir(path))
	assert.ErrorContains(t, err, "it has 0 verdicts, and judged again there are 1")
}

func TestReport_doesNotCompareRunsTogetherAsOne(t *testing.T) {
	root := t.TempDir()
	folder, err := store.Create(root, "run=whole")
	require.NoError(t, err)
	require.NoError(t, folder.WriteJSON("run.json", store.Manifest{Run: "run=whole", Trials: []string{"run=a", "run=b"}}))
	require.NoError(t, folder.WriteFile("verdicts.json", []byte("[]")))
	dir, err := folder.Publish()
	require.NoError(t, err)
	_, err = compare([]string{dir, dir})
	assert.ErrorContains(t, err, "give those to be compared: "+filepath.Join(root, "run=a")+" "+filepath.Join(root, "run=b"))
}
