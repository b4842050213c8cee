package slo_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// BenchmarkMeasure goes through a run of a million requests with four tokens each,
// and tells what a request costs and how much memory what is kept of them takes.
func BenchmarkMeasure(b *testing.B) {
	const n = 1_000_000
	run := &harness.Run{To: n * time.Millisecond, Length: n * time.Millisecond, Requests: n, Samples: func(func(harness.Sample) bool) {},
		Records: func(yield func(harness.Record) bool) {
			for i := range n {
				if !yield(runtest.Request(i, time.Duration(i)*time.Millisecond, time.Duration(1+i*7919%1000)*time.Millisecond)) {
					return
				}
			}
		}}
	o, err := slo.Parse("p99 TTFT", "at most 2 s")
	require.NoError(b, err)
	var before, after runtime.MemStats
	var w *measure.Window
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		w = measure.Of(run)
		require.Equal(b, slo.Met, slo.Judge(w, []harness.Objective{o})[0].Outcome)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(w)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/request")
	b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/(1<<20), "MiB-kept")
}
