//go:build unix

package selfcheck

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/export"
	"github.com/vllmspec/vllmspec/reports"
	"github.com/vllmspec/vllmspec/reports/live"
)

// usage is what this process uses of the machine while it brings a load. It watches the run for that.
type usage struct {
	page       page
	soaking    *soaking      // nil: the load is no soak
	idle, peak int64         // bytes resident before connections were opened, and the most until the last record was kept
	began      time.Duration // CPU time when the load began
	spent      time.Duration // CPU time of the load
	ended      time.Time
}

// export takes what is resident before the load. It sends nothing anywhere.
func (u *usage) export(context.Context, export.About, func(string)) ([]harness.Sink, func()) {
	u.idle = memory("VmRSS:")
	return nil, func() {}
}

// Watch begins to watch the load.
func (u *usage) Watch(s harness.Scenario, m experiment.Manifest, stop func()) experiment.Watch {
	w := &watch{of: u, shown: u.page.watch(s, m, stop)}
	u.began = cpuOf(used())
	return w
}

// A watch is a load that is watched.
type watch struct {
	of    *usage
	shown *live.Watch // nil: there is no page
	ended sync.Once
}

// Record shows and counts a request.
func (w *watch) Record(r harness.Record) error {
	if w.of.soaking != nil {
		w.of.soaking.record(&r)
	}
	if w.shown == nil {
		return nil
	}
	return w.shown.Record(r)
}

// Sample shows a sample.
func (w *watch) Sample(s harness.Sample) error {
	if w.shown == nil {
		return nil
	}
	return w.shown.Sample(s)
}

// Close takes what was used, once everything that came is kept.
func (w *watch) Close() error {
	w.ended.Do(func() {
		w.of.spent, w.of.peak, w.of.ended = cpuOf(used())-w.of.began, memory("VmHWM:"), time.Now()
		if w.of.soaking != nil {
			w.of.soaking.print()
		}
	})
	if w.shown == nil {
		return nil
	}
	return w.shown.Close()
}

// Published shows what became of the run.
func (w *watch) Published(v reports.View, _ reports.Entry, _ string) {
	if w.shown != nil {
		w.shown.Ended(v)
	}
}

// soaking prints from time to time how a long load goes.
type soaking struct {
	out                    io.Writer
	began, printed         time.Time
	requests, failed, then int
	spent                  time.Duration
}

func newSoaking(out io.Writer) *soaking {
	now := time.Now()
	s := &soaking{out: out, began: now, printed: now, spent: cpuOf(used())}
	fmt.Fprintf(out, "%10s  %10s  %6s  %12s  %11s  %s\n", "after", "requests", "failed", "requests/s", "CPU/request", "resident")
	return s
}

// every is how often it prints.
const every = 30 * time.Second

// record counts a request.
func (s *soaking) record(r *harness.Record) {
	s.requests++
	if r.Failed() {
		s.failed++
	}
	if time.Since(s.printed) >= every {
		s.print()
	}
}

func (s *soaking) print() {
	now, spent, fresh := time.Now(), cpuOf(used()), s.requests-s.then
	fmt.Fprintf(s.out, "%10s  %10d  %6d  %12.0f  %8.1f µs  %.1f MiB\n", now.Sub(s.began).Round(time.Second), s.requests, s.failed,
		float64(fresh)/now.Sub(s.printed).Seconds(), float64(spent-s.spent)/1e3/float64(max(1, fresh)), float64(memory("VmRSS:"))/(1<<20))
	s.printed, s.then, s.spent = now, s.requests, spent
}

func used() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

// memory is a line of the system's own account of this process, in bytes, where
// it gives one; else the most that was ever resident, which macOS counts in bytes
// and others in KiB.
func memory(line string) int64 {
	raw, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := bytes.Cut(raw, []byte(line)); ok {
		if fields := bytes.Fields(rest); len(fields) > 0 {
			if kib, err := strconv.ParseInt(string(fields[0]), 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	most := int64(used().Maxrss)
	if runtime.GOOS != "darwin" {
		most <<= 10
	}
	return most
}

func cpuOf(u syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
