package drift

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/store"
)

// BenchmarkDriftOf10000 looks at 10,000 stored runs of twenty scenarios, which the index has already. Half of the scenarios
// became slower once.
func BenchmarkDriftOf10000(b *testing.B) {
	root, random := b.TempDir(), rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		scenario := fmt.Sprintf("Scenario %d", i%20)
		m := store.Manifest{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)}
		m.Run, m.Scenario.Name = store.Name(m.Start, scenario), scenario
		slower := 1.0
		if i > 7000 && i%2 == 0 {
			slower = 1.1
		}
		var figures []harness.Figure
		for _, o := range metric.History() {
			f := measure.FigureName(o)
			f.Value = slower * (1 + 0.03*random.NormFloat64())
			figures = append(figures, f)
		}
		dir := filepath.Join(root, m.Run)
		require.NoError(b, os.MkdirAll(dir, 0o755))
		raw, err := json.Marshal(m)
		require.NoError(b, err)
		for name, data := range map[string][]byte{"run.json": raw, "verdicts.json": []byte("[]"), "bench.txt": store.Bench(scenario, nil, store.Measured{Figures: figures})} {
			require.NoError(b, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		}
	}
	_, err := drift(io.Discard, "", root, false) // enters them
	require.NoError(b, err)
	for b.Loop() {
		worse, err := drift(io.Discard, "", root, false)
		require.NoError(b, err)
		require.True(b, worse)
	}
}
