package sampler

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/metrics"

	"github.com/shirou/gopsutil/v3/process"

	"github.com/vllmspec/vllmspec/harness"
)

// own reads the client's own process: a client without CPU is no instrument.
type own struct {
	self   *process.Process
	pauses []uint64
	pairs  pairs
}

func (o *own) read(ctx context.Context, errs *[]error) []harness.Reading {
	out := []harness.Reading{client("goroutines", float64(runtime.NumGoroutine()))}
	if o.self == nil {
		self, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
		if err != nil {
			*errs = append(*errs, err)
			return out
		}
		o.self = self
	}
	if t, err := o.self.TimesWithContext(ctx); err == nil {
		out = append(out, client("process_cpu_seconds", t.User+t.System))
	}
	if m, err := o.self.MemoryInfoWithContext(ctx); err == nil {
		out = append(out, client("process_rss_bytes", float64(m.RSS)))
	}
	out = append(out, limits(&o.pairs)...)
	if pause, ok := o.longestPause(); ok {
		out = append(out, client("gc_pause_max_seconds", pause))
	}
	return out
}

// longestPause is the longest that a garbage collection has stopped the client
// since the read before: the upper end of its bin in the runtime's histogram.
func (o *own) longestPause() (float64, bool) {
	pauses := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(pauses)
	if pauses[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0, false
	}
	now, before := pauses[0].Value.Float64Histogram(), o.pauses
	o.pauses = append(o.pauses[:0:0], now.Counts...)
	if len(before) != len(now.Counts) {
		return 0, false
	}
	longest := 0.0
	for i, n := range now.Counts {
		if end := now.Buckets[i+1]; n > before[i] && !math.IsInf(end, 1) {
			longest = end
		}
	}
	return longest, true
}
