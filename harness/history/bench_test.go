package history_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/history"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/store"
)

// BenchmarkHistoryOf10000 is what a history of 10,000 stored runs costs: made anew, after one more run, and to
// read all that drift looks at.
func BenchmarkHistoryOf10000(b *testing.B) {
	root, ctx := b.TempDir(), context.Background()
	storedRuns(b, root, 0, 10_000, nil)
	folder := history.Folder{Path: root, Location: history.Here}
	b.Run("rebuild", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h, err := history.OpenFile(ctx, filepath.Join(b.TempDir(), "new.db"))
			require.NoError(b, err)
			_, err = history.CatchUp(ctx, h, folder)
			require.NoError(b, err)
			require.NoError(b, h.Close())
		}
	})
	h, err := history.Beside(ctx, root)
	require.NoError(b, err)
	_, err = history.CatchUp(ctx, h, folder)
	require.NoError(b, err)
	require.NoError(b, h.Close())
	more := 10_000
	b.Run("catch up after one run", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			storedRuns(b, root, more, more+1, nil)
			more++
			b.StartTimer()
			h, err := history.Beside(ctx, root)
			require.NoError(b, err)
			left, err := history.CatchUp(ctx, h, folder)
			require.NoError(b, err)
			require.Zero(b, left)
			require.NoError(b, h.Close())
		}
	})
	b.Run("last 10 of a branch", func(b *testing.B) {
		for b.Loop() {
			h, err := history.Beside(ctx, root)
			require.NoError(b, err)
			runs, err := h.Runs(ctx, history.Query{Feature: "Chat", Scenario: "Scenario 3", Branch: "main", Whole: true, Ended: true, Last: 10, Details: true, All: true})
			require.NoError(b, err)
			require.Len(b, runs, 10)
			require.NoError(b, h.Close())
		}
	})
	b.Run("figures of all", func(b *testing.B) {
		var names []string
		for _, o := range metric.History() {
			names = append(names, store.BenchUnit(measure.FigureName(o)))
		}
		for b.Loop() {
			began := time.Now()
			h, err := history.Beside(ctx, root)
			require.NoError(b, err)
			runs, err := h.Runs(ctx, history.Query{Whole: true, Ended: true, Figures: names})
			require.NoError(b, err)
			require.GreaterOrEqual(b, len(runs), 10_000)
			require.NoError(b, h.Close())
			b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/read")
		}
	})
}
