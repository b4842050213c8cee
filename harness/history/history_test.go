package history_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/store"
)

// onEach runs a test on a history of each kind.
func onEach(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "history.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, postgres(t).address) })
}

func opened(t *testing.T, address string) history.History {
	t.Helper()
	h, err := history.Open(context.Background(), address)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	return h
}

func caughtUp(t *testing.T, h history.History, f history.Folder) {
	t.Helper()
	left, err := history.CatchUp(context.Background(), h, f)
	require.NoError(t, err)
	require.Zero(t, left)
}

func found(t *testing.T, h history.History, q history.Query) []*history.Run {
	t.Helper()
	runs, err := h.Runs(context.Background(), q)
	require.NoError(t, err)
	return runs
}

func TestHistory_hasWhatTheFoldersOfRunsSay(t *testing.T) {
	root := t.TempDir()
	storedRuns(t, root, 0, 25, nil)
	onEach(t, func(t *testing.T, address string) {
		h := opened(t, address)
		f := history.Folder{Path: root, Location: history.LocationOf(root)}
		caughtUp(t, h, f)
		caughtUp(t, h, f)
		all := found(t, h, history.Query{Details: true, All: true})
		require.Len(t, all, 25)
		newest := all[0]
		want, _, _, err := history.Read(filepath.Join(root, newest.Name))
		require.NoError(t, err)
		want.Location = f.Location
		want.Entry, want.Start, newest.Start = newest.Entry, want.Start.UTC(), newest.Start.UTC()
		assert.Equal(t, want, newest)
		assert.NotNil(t, newest.Figures[0][0].Value)

		of := found(t, h, history.Query{Feature: "Chat", Scenario: "Scenario 3", Branch: "main", Whole: true, Ended: true, Last: 1})
		require.Len(t, of, 1)
		assert.Equal(t, "run=20260101T002300Z-scenario-3", of[0].Name)
		assert.Len(t, found(t, h, history.Query{Scenario: "Scenario 3", Branch: "other"}), 0)
		assert.Equal(t, of, found(t, h, history.Query{Name: of[0].Name}))
		assert.Equal(t, of, found(t, h, history.Query{Name: "scenario-3", Last: 1}))

		series, err := h.Series(context.Background())
		require.NoError(t, err)
		require.Len(t, series, 20)
		assert.Equal(t, newest.Name, series[0].Latest.Name)
		assert.Equal(t, 2, series[0].Runs)
		require.NoError(t, h.KeepTrend(context.Background(), series[0].Key, []byte(`{"a":1}`)))
		require.NoError(t, h.KeepTrend(context.Background(), series[1].Key, []byte(`{"b":1}`)))
		require.NoError(t, h.Remove(context.Background(), f.Location, newest.Name))
		series, err = h.Series(context.Background())
		require.NoError(t, err)
		assert.Equal(t, `{"b":1}`, string(series[0].Trend))
		assert.Len(t, found(t, h, history.Query{}), 24)
		caughtUp(t, h, f)
		assert.Len(t, found(t, h, history.Query{}), 25)
	})
}

func TestIdentity_isNoLineNumber(t *testing.T) {
	root := t.TempDir()
	moved := func(by int, change func(m *store.Manifest)) func(int, *store.Manifest) {
		return func(_ int, m *store.Manifest) {
			m.Scenario.Name, m.Scenario.Where = "Everyday chat", fmt.Sprintf("slo/chat.feature:%d", 3+by)
			m.Run = store.Name(m.Start, "Everyday chat")
			if change != nil {
				change(m)
			}
		}
	}
	old := func(m *store.Manifest) { m.Feature = nil }
	tagged := func(m *store.Manifest) { m.Feature.ID = "everyday" }
	storedRuns(t, root, 0, 1, moved(0, old)) // as older versions stored them
	storedRuns(t, root, 1, 2, moved(1, nil)) // a line was added above
	storedRuns(t, root, 2, 3, moved(1, tagged))
	storedRuns(t, root, 3, 4, moved(1, func(m *store.Manifest) {
		m.Feature.ID, m.Scenario.Name = "everyday", "Chat on a working day"
	}))
	onEach(t, func(t *testing.T, address string) {
		for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}} {
			h := opened(t, address)
			names, err := store.Names(root)
			require.NoError(t, err)
			for _, i := range order {
				run, _, _, err := history.Read(filepath.Join(root, names[i]))
				require.NoError(t, err)
				run.Location = "x"
				require.NoError(t, h.Put(context.Background(), run))
			}
			series, err := h.Series(context.Background())
			require.NoError(t, err)
			require.Len(t, series, 1, "%v", order)
			assert.Equal(t, 4, series[0].Runs)
			require.NoError(t, h.Remove(context.Background(), "x", names...))
		}
	})
	for what, change := range map[string]func(m *store.Manifest){
		"model": func(m *store.Manifest) { m.Server.Model = "qwen" }, "GPU": func(m *store.Manifest) { m.Scenario.Labels["gpu"] = "2 × H200" },
		"plan": func(m *store.Manifest) { m.Scenario.Labels["load"] = "9 per second, for 1m" }, "mock": func(m *store.Manifest) { m.Server.Simulated = true },
		"software": func(m *store.Manifest) { m.Server.Software = "sglang" },
	} {
		other := t.TempDir()
		storedRuns(t, other, 0, 1, moved(0, nil))
		storedRuns(t, other, 1, 2, moved(0, change))
		names, err := store.Names(other)
		require.NoError(t, err)
		a, _, _, err := history.Read(filepath.Join(other, names[0]))
		require.NoError(t, err)
		b, _, _, err := history.Read(filepath.Join(other, names[1]))
		require.NoError(t, err)
		assert.NotEqual(t, a.Key(), b.Key(), "another %s is another series", what)
	}
}

// TestHistory_manyWriters has thirty processes end at once, as far as goroutines with a connection each are such.
func TestHistory_manyWriters(t *testing.T) {
	const writers, each = 30, 3
	root := t.TempDir()
	storedRuns(t, root, 0, writers*each, nil)
	names, err := store.Names(root)
	require.NoError(t, err)
	onEach(t, func(t *testing.T, address string) {
		ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
		defer stop()
		errs := make(chan error)
		for w := range writers {
			go func() {
				errs <- func() error {
					h, err := history.Open(ctx, address)
					if err != nil {
						return err
					}
					defer h.Close()
					var runs []*history.Run
					for i := range each + 1 { // the last one is another writer's too
						run, _, _, err := history.Read(filepath.Join(root, names[(w*each+i)%len(names)]))
						if err != nil {
							return err
						}
						run.Location = history.LocationOf(root)
						runs = append(runs, run)
					}
					return h.Put(ctx, runs...)
				}()
			}()
		}
		for range writers {
			assert.NoError(t, <-errs)
		}
		h := opened(t, address)
		runs := found(t, h, history.Query{All: true, Details: true})
		require.Equal(t, writers*each, len(runs))
		seen := map[string]bool{}
		for _, run := range runs {
			seen[run.Name] = true
			require.Len(t, run.Figures, 1)
			require.Len(t, run.Objectives, 1)
			require.Len(t, run.Labels, 7)
		}
		assert.Len(t, seen, writers*each)
	})
}

func TestUse_anotherIndexStandsIn(t *testing.T) {
	root := t.TempDir()
	storedRuns(t, root, 0, 3, nil)
	counted := func() (runs int, warning string) {
		said, err := history.Use(context.Background(), history.Folder{Path: root}, time.Minute, func(h history.History) error {
			all, err := h.Runs(context.Background(), history.Query{})
			runs = len(all)
			return err
		})
		require.NoError(t, err)
		if said != nil {
			warning = said.Error()
		}
		return runs, warning
	}
	path := filepath.Join(root, history.FileName)
	runs, warning := counted()
	assert.Equal(t, 3, runs)
	assert.Empty(t, warning)
	require.FileExists(t, path)

	storedRuns(t, root, 3, 4, nil)
	newer(t, path)
	runs, warning = counted()
	assert.Equal(t, 4, runs)
	assert.Equal(t, "the history in "+path+" cannot be used: its schema has version 7, and this version of vllmspec knows 1 at most; use a newer one", warning)
	of, err := history.Rebuild(context.Background(), "", history.Folder{Path: root})
	require.NoError(t, err)
	assert.Equal(t, 4, of)
	runs, warning = counted()
	assert.Equal(t, 4, runs)
	assert.Empty(t, warning)

	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 400)), 0o644))
	runs, warning = counted()
	assert.Equal(t, 4, runs)
	assert.Contains(t, warning, "is damaged: vllmspec history rebuild makes it anew")
	_, err = history.Rebuild(context.Background(), "", history.Folder{Path: root})
	require.NoError(t, err)
	_, warning = counted()
	assert.Empty(t, warning)

	require.NoError(t, os.RemoveAll(path))
	require.NoError(t, os.Mkdir(path, 0o755))
	runs, warning = counted()
	assert.Equal(t, 4, runs)
	assert.Contains(t, warning, "the file cannot be opened or made")
}

func TestCatchUp_takesNoLongerThanItMay(t *testing.T) {
	root := t.TempDir()
	storedRuns(t, root, 0, 230, nil)
	h, err := history.InMemory(context.Background())
	require.NoError(t, err)
	defer h.Close()
	left, err := history.CatchUp(context.Background(), h, history.Folder{Path: root, Location: history.Here, Until: time.Now().Add(-time.Second)})
	require.NoError(t, err)
	assert.Equal(t, 230, left)
	left, err = history.CatchUp(context.Background(), h, history.Folder{Path: root, Location: history.Here, Newest: 10})
	require.NoError(t, err)
	assert.Zero(t, left)
	runs := found(t, h, history.Query{})
	require.Len(t, runs, 10)
	assert.Equal(t, "run=20260101T034900Z-scenario-9", runs[0].Name)

	require.NoError(t, os.RemoveAll(filepath.Join(root, runs[0].Name)))
	caughtUp(t, h, history.Folder{Path: root, Location: history.Here, Forget: true})
	assert.Len(t, found(t, h, history.Query{}), 229)
}
