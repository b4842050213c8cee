package reports_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/reports"
)

// drawnOf is the page of a run of n requests with as many chunks each, that nothing
// keeps in memory.
func drawnOf(t testing.TB, n, chunks int, perSecond float64) string {
	t.Helper()
	records := func(yield func(harness.Record) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		at := 0.0
		for i := range n {
			at += random.ExpFloat64() / perSecond
			r := harness.NewRecord(i, time.Duration(at*1e9))
			r.Sent, r.PromptTokens, r.OutputTokens, r.Finish, r.Good = r.Due+50e3, 100+random.IntN(4000), chunks, "stop", true
			next := r.Due + time.Duration(20e6+random.ExpFloat64()*1e7)
			for range chunks {
				r.Chunks = append(r.Chunks, next)
				next += time.Duration(7e6 + random.NormFloat64()*4e5)
			}
			r.Done = next
			if !yield(r) {
				return
			}
		}
	}
	length := time.Duration(float64(n)/perSecond*1e9) + 5*time.Second
	run := &harness.Run{Scenario: harness.Scenario{Name: "Large", Seed: 7}, Start: time.Date(2026, 11, 23, 22, 15, 3, 0, time.UTC),
		Length: length, To: length, Requests: n, Records: records, Samples: func(func(harness.Sample) bool) {}}
	o, err := slo.Parse("p99 TTFT", "at most 500 ms")
	require.NoError(t, err)
	measured := measure.Of(run)
	var out bytes.Buffer
	require.NoError(t, reports.Render(&out, reports.NewView(run, measured, slo.Judge(measured, []harness.Objective{o}), store.NewManifest("run=x", run))))
	return out.String()
}

// TestPage_drawsAHundredThousandRequests measures the file; how quickly it opens is logged.
func TestPage_drawsAHundredThousandRequests(t *testing.T) {
	text := drawnOf(t, 100_000, 64, 100)
	assert.Less(t, len(text), 8_000_000)
	v := open(t, text, 1440, 900)
	assert.Equal(t, 1, sees[int](v, `JSON.parse(document.getElementById('data').textContent).requests.every`))
	assert.Equal(t, 100_000, sees[int](v, `JSON.parse(document.getElementById('data').textContent).requests.n`))
	t.Logf("%d bytes; drawn after %.0f ms of the browser's time", len(text), sees[float64](v, `performance.getEntriesByName('drawn')[0].startTime`))
}

// BenchmarkFiveMillion is the page of a very long run.
func BenchmarkFiveMillion(b *testing.B) {
	for b.Loop() {
		text := drawnOf(b, 5_000_000, 8, 1000)
		require.Less(b, len(text), 12_000_000)
		b.ReportMetric(float64(len(text)), "bytes/page")
	}
}
