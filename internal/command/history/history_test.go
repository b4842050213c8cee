package history

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/internal/command"
)

// stored is a folder with a run of each of two branches.
func stored(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, branch := range []string{"main", "topic"} {
		start := time.Date(2026, 12, 1, 12, i, 0, 0, time.UTC)
		folder, err := store.Create(filepath.Join(dir, "nightly"), store.Name(start, "Chat"))
		require.NoError(t, err)
		m := store.Manifest{Run: folder.Run(), Start: start, Tool: store.Tool{Branch: branch, Commit: "0123456789ab"}}
		m.Scenario.Name = "Chat"
		require.NoError(t, folder.WriteJSON("run.json", m))
		require.NoError(t, folder.WriteJSON("verdicts.json", json.RawMessage("[]")))
		require.NoError(t, folder.WriteFile("bench.txt", store.Bench("Chat", nil, store.Measured{Figures: []harness.Figure{{Name: "p99 TTFT", Unit: "s", Value: 0.4}}})))
		_, err = folder.Publish()
		require.NoError(t, err)
	}
	return dir
}

// called is what the command prints, what it complains of, and its exit code.
func called(dir string, environ []string, args ...string) (out, complaints string, code int) {
	var o, c bytes.Buffer
	code = command.Table{Command()}.Run(command.Call{Args: append([]string{"history"}, args...), Dir: dir, Environ: environ, Out: &o, Err: &c})
	return o.String(), c.String(), code
}

func TestHistory_listsWhatIsStored(t *testing.T) {
	dir := stored(t)
	for _, environ := range [][]string{{"VLLMSPEC_OUT=nightly"}, {"VLLMSPEC_OUT=nightly", "VLLMSPEC_DB=sqlite:shared.db"}} {
		out, complaints, code := called(dir, environ, "list")
		require.Equal(t, command.OK, code, complaints)
		assert.Regexp(t, `^2026-12-01 12:01:00 +Chat +topic 0123456 +run=20261201T120100Z-chat\n2026-12-01 12:00:00 +Chat +main 0123456 +run=20261201T120000Z-chat\n$`, out)
		out, _, _ = called(dir, environ, "list", "--branch", "main", "--json")
		var run struct {
			Run     string
			Figures map[string][]float64
		}
		require.NoError(t, json.Unmarshal([]byte(out), &run))
		assert.Equal(t, "run=20261201T120000Z-chat", run.Run)
		assert.Equal(t, []float64{0.4}, run.Figures["p99-TTFT-sec"])
		out, _, _ = called(dir, environ, "list", "--branch", "none")
		assert.Equal(t, "no such run is stored\n", out)
		out, _, code = called(dir, environ, "rebuild")
		assert.Equal(t, command.OK, code)
		assert.Contains(t, out, "2 runs of ")
	}
}

func TestHistory_isExported(t *testing.T) {
	dir := stored(t)
	_, complaints, code := called(dir, []string{"VLLMSPEC_OUT=nightly"}, "export", "--to", "figures.csv", "--last", "1")
	require.Equal(t, command.OK, code, complaints)
	raw, err := os.ReadFile(filepath.Join(dir, "figures.csv"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	require.Len(t, lines, 2)
	assert.True(t, strings.HasPrefix(lines[1], "run=20261201T120100Z-chat,"), lines[1])
	assert.True(t, strings.HasSuffix(lines[1], ",topic,,,0,p99-TTFT-sec,0.4,,"), lines[1])
	_, _, code = called(dir, []string{"VLLMSPEC_OUT=nightly"}, "export", "--to", "figures.parquet")
	assert.Equal(t, command.OK, code)
	assert.FileExists(t, filepath.Join(dir, "figures.parquet"))
}

func TestHistory_refusesWhatItCannotDo(t *testing.T) {
	dir := stored(t)
	for says, args := range map[string][]string{
		"it takes one word":                   nil,
		`there is no history "lst"; did you`:  {"lst"},
		"--to names the file that is written": {"export"},
		`--to: ".xls" is no kind of table`:    {"export", "--to", "a.xls"},
		"--last is -1; write a number from 1": {"list", "--last", "-1"},
	} {
		_, complaints, code := called(dir, []string{"VLLMSPEC_OUT=nightly"}, args...)
		assert.Equal(t, command.Wrong, code, says)
		assert.Contains(t, complaints, says)
	}
	_, complaints, code := called(dir, []string{"VLLMSPEC_DB=mysql://u:topsecret@h/x"}, "list")
	assert.Equal(t, command.Wrong, code)
	assert.NotContains(t, complaints, "topsecret")
	_, complaints, code = called(dir, []string{"VLLMSPEC_OUT=nightly", "VLLMSPEC_DB=postgres://u:topsecret@/x?host=/nowhere"}, "list")
	assert.Equal(t, command.Failed, code)
	assert.Contains(t, complaints, "cannot be used: ")
	assert.NotContains(t, complaints, "topsecret")
}
