package sampler

import (
	"context"
	"errors"
	"math"
	"os"
	"runtime"
	"runtime/metrics"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/vllmspec/vllmspec/harness"
)

// Host reads the machine that the client runs on, and the client's own
// process. It is the server's machine only when both run on one.
type Host struct {
	self   *process.Process
	before *cpu.TimesStat
	pauses []uint64
}

// NewHost is a sampler of this machine.
func NewHost() *Host { return &Host{} }

// Read reads once. What a platform does not tell is left out, never zero; the
// utilisation since the read before has no value at the first one.
func (h *Host) Read(ctx context.Context) ([]harness.Reading, error) {
	var errs []error
	out := h.cpu(ctx, &errs)
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		out = append(out, host("memory_used_bytes", float64(m.Used)), host("memory_total_bytes", float64(m.Total)))
	} else {
		errs = append(errs, err)
	}
	if s, err := mem.SwapMemoryWithContext(ctx); err == nil {
		out = append(out, host("swap_used_bytes", float64(s.Used)))
	}
	if n, err := net.IOCountersWithContext(ctx, false); err == nil && len(n) > 0 {
		out = append(out, host("net_received_bytes", float64(n[0].BytesRecv)), host("net_sent_bytes", float64(n[0].BytesSent)))
	}
	if l, err := load.AvgWithContext(ctx); err == nil {
		out = append(out, host("load1", l.Load1))
	}
	return append(out, h.client(ctx, &errs)...), errors.Join(errs...)
}

// cpu is the share of all cores that was busy, and stolen by the hypervisor,
// since the read before. gopsutil's own percentages keep state per process
// under them; two samplers would disturb each other.
func (h *Host) cpu(ctx context.Context, errs *[]error) []harness.Reading {
	times, err := cpu.TimesWithContext(ctx, false)
	if err != nil || len(times) == 0 {
		*errs = append(*errs, err)
		return nil
	}
	now, before := times[0], h.before
	h.before = &now
	if before == nil {
		return nil
	}
	total := sum(now) - sum(*before)
	if total <= 0 {
		return nil
	}
	idle := now.Idle + now.Iowait - before.Idle - before.Iowait
	return []harness.Reading{
		host("cpu_utilisation_ratio", min(1, max(0, 1-idle/total))),
		host("cpu_steal_ratio", max(0, (now.Steal-before.Steal)/total)),
	}
}

// sum leaves guest time out: the kernel counts it in user time already.
func sum(t cpu.TimesStat) float64 {
	return t.User + t.System + t.Idle + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal
}

func (h *Host) client(ctx context.Context, errs *[]error) []harness.Reading {
	out := []harness.Reading{client("goroutines", float64(runtime.NumGoroutine()))}
	if h.self == nil {
		self, err := process.NewProcessWithContext(ctx, int32(os.Getpid()))
		if err != nil {
			*errs = append(*errs, err)
			return out
		}
		h.self = self
	}
	if t, err := h.self.TimesWithContext(ctx); err == nil {
		out = append(out, client("process_cpu_seconds", t.User+t.System))
	}
	if m, err := h.self.MemoryInfoWithContext(ctx); err == nil {
		out = append(out, client("process_rss_bytes", float64(m.RSS)))
	}
	out = append(out, limits()...)
	if pause, ok := h.longestPause(); ok {
		out = append(out, client("gc_pause_max_seconds", pause))
	}
	return out
}

// longestPause is the longest that a garbage collection has stopped the client
// since the read before: the upper end of its bin in the runtime's histogram.
func (h *Host) longestPause() (float64, bool) {
	pauses := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(pauses)
	if pauses[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0, false
	}
	now, before := pauses[0].Value.Float64Histogram(), h.pauses
	h.pauses = append(h.pauses[:0:0], now.Counts...)
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

func host(series string, v float64) harness.Reading {
	return harness.Reading{Source: "host", Series: series, Value: v}
}

func client(series string, v float64) harness.Reading {
	return harness.Reading{Source: "client", Series: series, Value: v}
}
