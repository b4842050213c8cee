package reports_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// storeRuns stores so many runs of twenty scenarios, of which only the list is of interest.
func storeRuns(t testing.TB, root string, from, to int) (names []string) {
	t.Helper()
	run := runOf(100)
	objective, err := slo.Parse("p50 TTFT", "at most 1 s")
	require.NoError(t, err)
	verdicts := slo.Judge(measure.Of(run), []harness.Objective{objective})
	for i := from; i < to; i++ {
		m := store.NewManifest("", run)
		m.Scenario.Name = fmt.Sprintf("Scenario %d", i%20)
		m.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
		m.Server = store.Server{Origin: store.AtURL, URL: "http://a", Model: "llama-3.1-8b", Version: "0.32.0"}
		m.Run = store.Name(m.Start, m.Scenario.Name)
		verdicts[0].Value = 0.1 * (1 + 0.01*math.Sin(float64(i)))
		for name, of := range map[string]any{"run.json": m, "verdicts.json": verdicts} {
			raw, err := json.MarshalIndent(of, "", "  ")
			require.NoError(t, err)
			require.NoError(t, os.MkdirAll(filepath.Join(root, m.Run), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(root, m.Run, name), raw, 0o644))
		}
		names = append(names, m.Run)
	}
	return names
}

func indexIn(t *testing.T, root string) string {
	t.Helper()
	require.NoError(t, reports.WriteIndex(root))
	raw, err := os.ReadFile(filepath.Join(root, "index.html"))
	require.NoError(t, err)
	return string(raw)
}

func TestList_isTheSameFromWhatWasKept(t *testing.T) {
	root := t.TempDir()
	names := storeRuns(t, root, 0, 45)
	first := indexIn(t, root)
	assert.Equal(t, 45, strings.Count(first, `class="target"`))
	require.FileExists(t, filepath.Join(root, history.FileName))
	assert.Equal(t, first, indexIn(t, root))

	rebuild := func() {
		_, err := history.Rebuild(context.Background(), "", history.Folder{Path: root, Read: reports.ReadRun})
		require.NoError(t, err)
	}
	rebuild()
	assert.Equal(t, first, indexIn(t, root), "what is kept is no more than that")
	require.NoError(t, os.RemoveAll(filepath.Join(root, names[3])))
	storeRuns(t, root, 45, 46)
	changed := filepath.Join(root, names[7], "run.json")
	raw, err := os.ReadFile(changed)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(raw), "Scenario 7", "Another name", 1)), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, names[9], "verdicts.json"), []byte("no JSON"), 0o644))
	assert.NotContains(t, indexIn(t, root), "Another name", "a file that is changed by hand is read when the index is made anew")
	rebuild()
	later := indexIn(t, root)
	require.NoError(t, os.Remove(filepath.Join(root, history.FileName)))
	assert.Equal(t, later, indexIn(t, root))
	assert.Equal(t, 44, strings.Count(later, `class="target"`), "one more, one removed, one that cannot be read")
	assert.Contains(t, later, "Another name")
}

func TestList_namesAPartWhereItsWholeIsNot(t *testing.T) {
	root := t.TempDir()
	names := storeRuns(t, root, 0, 2)
	part := filepath.Join(root, names[0], "run.json")
	raw, err := os.ReadFile(part)
	require.NoError(t, err)
	var m store.Manifest
	require.NoError(t, json.Unmarshal(raw, &m))
	m.Trial = &store.Trial{Of: names[1], Kind: "repeat", Number: 1}
	raw, err = json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(part, raw, 0o644))
	assert.Equal(t, 1, strings.Count(indexIn(t, root), `class="target"`))
	require.NoError(t, os.RemoveAll(filepath.Join(root, names[1])))
	assert.Contains(t, indexIn(t, root), "repeat 1")
}

// TestList_twoAtOnce has several processes end in one folder at once, as far as goroutines are such.
func TestList_twoAtOnce(t *testing.T) {
	root := t.TempDir()
	storeRuns(t, root, 0, 30)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				assert.NoError(t, reports.WriteIndex(root))
				raw, err := os.ReadFile(filepath.Join(root, "index.html"))
				assert.NoError(t, err)
				assert.True(t, strings.HasSuffix(strings.TrimSpace(string(raw)), "</html>"), "a part of a list")
			}
		})
	}
	all.Wait()
	left, err := filepath.Glob(filepath.Join(root, ".index*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestList_isThereWithoutAnIndex(t *testing.T) {
	root := t.TempDir()
	storeRuns(t, root, 0, 45)
	first := indexIn(t, root)
	require.NoError(t, os.WriteFile(filepath.Join(root, history.FileName), []byte(strings.Repeat("no database ", 400)), 0o644))
	warning, err := reports.WriteIndexOn(nil, root)
	require.NoError(t, err)
	assert.ErrorContains(t, warning, "cannot be used: it is damaged")
	raw, err := os.ReadFile(filepath.Join(root, "index.html"))
	require.NoError(t, err)
	assert.Equal(t, first, string(raw))
}

func TestList_showsTheNewestOfMany(t *testing.T) {
	root := t.TempDir()
	storeRuns(t, root, 0, 520)
	list := indexIn(t, root)
	assert.Equal(t, 500, strings.Count(list, `class="target"`))
	assert.Contains(t, list, "The newest 500 of 520. All of them: vllmspec history list")
	assert.Contains(t, list, "20 of 20 scenarios passed in the latest run")
}

// BenchmarkIndexOf10000 is the list of 10,000 stored runs: the first time, and when one run was added since.
func BenchmarkIndexOf10000(b *testing.B) {
	root := b.TempDir()
	storeRuns(b, root, 0, 10_000)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			for _, name := range []string{"", "-wal", "-shm"} {
				os.Remove(filepath.Join(root, history.FileName+name))
			}
			b.StartTimer()
			_, err := history.Rebuild(context.Background(), "", history.Folder{Path: root, Read: reports.ReadRun})
			require.NoError(b, err)
			require.NoError(b, reports.WriteIndex(root))
		}
	})
	_, err := history.Rebuild(context.Background(), "", history.Folder{Path: root, Read: reports.ReadRun})
	require.NoError(b, err)
	require.NoError(b, reports.WriteIndex(root))
	b.Run("next", func(b *testing.B) {
		more := 10_000
		for b.Loop() {
			b.StopTimer()
			storeRuns(b, root, more, more+1)
			more++
			b.StartTimer()
			require.NoError(b, reports.WriteIndex(root))
		}
		info, err := os.Stat(filepath.Join(root, "index.html"))
		require.NoError(b, err)
		b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
	})
}
