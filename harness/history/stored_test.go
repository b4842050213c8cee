package history_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
)

// otherFigures is how many figures a benchmark line has that drift does not look at.
const otherFigures = 100

// storedRuns stores runs of twenty scenarios, one a minute, as far as a history reads them. change alters a manifest.
func storedRuns(t testing.TB, root string, from, to int, change func(i int, m *store.Manifest)) {
	t.Helper()
	objective, err := slo.Parse("p99 TTFT", "at most 500 ms")
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, uint64(from)))
	for i := from; i < to; i++ {
		scenario := fmt.Sprintf("Scenario %d", i%20)
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
		m := store.Manifest{Run: store.Name(start, scenario), Start: start, LengthNS: int64(time.Minute), Requests: 1000, Host: store.Host{Name: "ci"}, Tool: store.Tool{Branch: "main", Commit: "0123abc"}}
		m.Scenario.Name, m.Scenario.Where = scenario, fmt.Sprintf("slo/chat.feature:%d", 3+i%20*9)
		m.Scenario.Labels = map[string]string{"model": "llama-3.1-8b", "load": "8 per second, for 1m", "workload": "synthetic", "seed": "1", "server": "real", "clock": "real", "server-version": "0.32.0"}
		m.Server = store.Server{Origin: store.AtURL, URL: "http://server:8000", Model: "llama-3.1-8b", Version: "0.32.0", Software: "vllm"}
		m.Feature = &store.Feature{Title: "Chat"}
		if change != nil {
			change(i, &m)
		}
		figures := []harness.Figure{}
		for _, o := range metric.History() {
			f := measure.FigureName(o)
			f.Value = 0.4 * (1 + 0.03*random.NormFloat64())
			figures = append(figures, f)
		}
		for j := range otherFigures {
			figures = append(figures, harness.Figure{Name: fmt.Sprintf("p%d time to another answer", j), Unit: "s", Value: random.Float64()})
		}
		verdict := slo.Verdict{Objective: objective, Unit: "s", Value: figures[0].Value, Lo: 0.9 * figures[0].Value, Hi: 1.1 * figures[0].Value, N: 1000, Outcome: slo.Met, Lasting: slo.Met}
		store1(t, filepath.Join(root, m.Run), m, []slo.Verdict{verdict}, store.Bench(m.Scenario.Name, m.Scenario.Labels, store.Measured{Requests: 1000, Figures: figures}))
	}
}

// store1 writes the files of a run.
func store1(t testing.TB, dir string, m store.Manifest, verdicts []slo.Verdict, bench []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, of := range map[string]any{"run.json": m, "verdicts.json": verdicts} {
		raw, err := json.MarshalIndent(of, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), raw, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bench.txt"), bench, 0o644))
}
