package writes_test

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/store"
)

// isWhole holds that each face in an output folder is whole, or is not there.
func isWhole(t *testing.T, out, says string) (faces int) {
	t.Helper()
	for name, whole := range map[string]func([]byte) bool{
		"index.html":    func(raw []byte) bool { return strings.HasSuffix(strings.TrimSpace(string(raw)), "</html>") },
		"badge.svg":     func(raw []byte) bool { return strings.HasSuffix(strings.TrimSpace(string(raw)), "</svg>") },
		"junit.xml":     func(raw []byte) bool { return xml.Unmarshal(raw, new(struct{})) == nil },
		"cucumber.json": json.Valid,
		"summary.md":    func(raw []byte) bool { return strings.Contains(string(raw), " Objectives: ") || len(raw) > 20 },
		".results.json": json.Valid,
	} {
		raw, err := os.ReadFile(filepath.Join(out, name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err, says)
		require.True(t, whole(raw), "%s: %s is %d bytes: %q", says, name, len(raw), raw[:min(len(raw), 200)])
		faces++
	}
	return faces
}

// areRuns holds that each run in the folder is whole, and makes runs of those that are hidden, parts first. It
// returns how many were hidden.
func areRuns(t *testing.T, out, says string) (salvaged int) {
	t.Helper()
	hidden, err := filepath.Glob(filepath.Join(out, ".run=*"))
	require.NoError(t, err)
	slices.SortFunc(hidden, func(a, b string) int { return len(b) - len(a) }) // a part's name is longer than that of the whole
	for _, dir := range hidden {
		if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil {
			for _, made := range []string{"*.parquet", "*.spool"} {
				found, err := filepath.Glob(filepath.Join(dir, made))
				require.NoError(t, err)
				for _, file := range found {
					info, err := os.Stat(file)
					require.NoError(t, err)
					require.Zero(t, info.Size(), "%s: %s is lost", says, file)
				}
			}
			continue // the next go test removes it
		}
		_, err := judge.Salvage(dir)
		require.NoError(t, err, says)
		salvaged++
	}
	names, err := store.Names(out)
	require.NoError(t, err)
	for _, name := range names {
		r, err := judge.Read(filepath.Join(out, name))
		require.NoError(t, err, says)
		if r.Group == nil {
			count := 0
			for range r.Run.Records {
				count++
			}
			require.Equal(t, r.Manifest.Requests, count, says)
		}
		if len(hidden) > 0 {
			continue
		}
		for _, file := range []string{"run.json", "verdicts.json", "report.html"} {
			info, err := os.Stat(filepath.Join(out, name, file))
			require.NoError(t, err, says)
			require.NotZero(t, info.Size(), says)
		}
	}
	return salvaged
}

// answeredIn are the ids of the answers that the runs in a folder have.
func answeredIn(t *testing.T, out string) map[string]bool {
	t.Helper()
	names, err := store.Names(out)
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, name := range names {
		if m, _, _ := store.ReadManifest(filepath.Join(out, name)); len(m.Trials) > 0 {
			continue
		}
		stored, err := store.Open(filepath.Join(out, name))
		require.NoError(t, err)
		for r := range stored.Run.Records {
			ids[r.RequestID] = true
		}
	}
	return ids
}
