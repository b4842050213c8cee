package store_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
)

// BenchmarkArchive keeps requests, as a run does that must survive being killed,
// and reads them back: what a request costs, and how much memory so many of them
// take at most.
func BenchmarkArchive(b *testing.B) {
	b.Run("1 token", func(b *testing.B) { benchmarkArchive(b, 1) })
	b.Run("200 tokens", func(b *testing.B) { benchmarkArchive(b, 200) })
}

func benchmarkArchive(b *testing.B, tokens int) {
	folder, err := store.Create(b.TempDir(), "run=x")
	require.NoError(b, err)
	archive, err := folder.SafeArchive("a scenario", store.Manifest{Run: folder.Run()})
	require.NoError(b, err)
	most := uint64(0)
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := harness.NewRecord(i, time.Duration(i)*time.Millisecond)
		r.Sent, r.Headers, r.Chunks, r.Done = r.Due, r.Due+1000, make([]time.Duration, tokens), r.Due+9000
		for i := range r.Chunks {
			r.Chunks[i] = r.Due + 5000 + time.Duration(i)*7_123_456 + time.Duration(i%7)*1234
		}
		r.OutputTokens, r.PromptTokens, r.Finish, r.RequestID = 1, 32, "length", "cmpl-12345678"
		if err := archive.Record(r); err != nil {
			b.Fatal(err)
		}
		if i++; i%20_000 == 0 {
			look()
		}
	}
	b.StopTimer()
	began := time.Now()
	require.NoError(b, archive.Close())
	look()
	merged := time.Since(began)
	read := 0
	began = time.Now()
	for range archive.Records() {
		if read++; read%100_000 == 0 {
			look()
		}
	}
	require.Equal(b, i, read)
	b.ReportMetric(float64(most)/(1<<20), "MiB-at-most")
	b.ReportMetric(float64(merged.Nanoseconds())/float64(i), "ns-merging/op")
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(i), "ns-reading/op")
}
