package sampler

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/disk"
	"github.com/shirou/gopsutil/v3/load"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"

	"github.com/vllmspec/vllmspec/harness"
)

// Host reads the machine that the client runs on, the client's own process, and
// the server's where that runs here too.
type Host struct {
	Server *Process // nil: the server is elsewhere, or its place is unknown

	own    own
	before []cpu.TimesStat
}

// NewHost is a sampler of this machine.
func NewHost() *Host { return &Host{} }

// String is what is watched.
func (h *Host) String() string { return "host" }

// Read reads once. What a platform does not tell is left out, never zero; the
// utilisation since the read before has no value at the first one.
func (h *Host) Read(ctx context.Context) ([]harness.Reading, error) {
	var errs []error
	out := h.cpus(ctx, &errs)
	out = append(out, memory(ctx, &errs)...)
	out = append(out, traffic(ctx)...)
	if l, err := load.AvgWithContext(ctx); err == nil {
		out = append(out, host("load1", l.Load1))
	}
	out = append(out, h.own.read(ctx, &errs)...)
	if h.Server != nil {
		out = append(out, h.Server.read(ctx)...)
	}
	return out, errors.Join(errs...)
}

// Remarks are what could not be watched, and why.
func (h *Host) Remarks() []string {
	if h.Server == nil || h.Server.unseen == "" {
		return nil
	}
	return []string{h.Server.unseen}
}

// cpus is the share of each core and of all of them that was busy, and of all that
// the hypervisor stole, since the read before. gopsutil's own percentages keep state
// per process under them; two samplers would disturb each other.
func (h *Host) cpus(ctx context.Context, errs *[]error) (out []harness.Reading) {
	now, err := cpu.TimesWithContext(ctx, true)
	if err != nil {
		*errs = append(*errs, err)
		return nil
	}
	before := h.before
	h.before = now
	if len(before) != len(now) {
		return nil // at first, or when a core came or went
	}
	var total, idle, stolen, waited float64
	for i, n := range now {
		b := before[i]
		all, free := sum(n)-sum(b), n.Idle+n.Iowait-b.Idle-b.Iowait
		if all <= 0 {
			continue
		}
		total, idle, stolen, waited = total+all, idle+free, stolen+n.Steal-b.Steal, waited+n.Iowait-b.Iowait
		out = append(out, harness.Reading{Source: "host", Series: "core_utilisation_ratio", Value: share(all-free, all),
			Labels: map[string]string{"core": strconv.Itoa(i)}})
	}
	if total <= 0 {
		return nil
	}
	return append(out,
		host("cpu_utilisation_ratio", share(total-idle, total)),
		host("cpu_steal_ratio", share(stolen, total)),
		host("cpu_iowait_ratio", share(waited, total)),
	)
}

func share(part, all float64) float64 { return min(1, max(0, part/all)) }

// sum leaves guest time out: the kernel counts it in user time already.
func sum(t cpu.TimesStat) float64 {
	return t.User + t.System + t.Idle + t.Nice + t.Iowait + t.Irq + t.Softirq + t.Steal
}

func memory(ctx context.Context, errs *[]error) (out []harness.Reading) {
	if m, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		out = append(out, host("memory_used_bytes", float64(m.Used)), host("memory_available_bytes", float64(m.Available)), host("memory_total_bytes", float64(m.Total)))
		if runtime.GOOS == "linux" { // elsewhere gopsutil does not tell it here
			out = append(out, host("swap_used_bytes", float64(m.SwapTotal-m.SwapFree)))
		}
	} else {
		*errs = append(*errs, err)
	}
	return out
}

// traffic is what went over the network and to the disks, and how often the
// machine's cores changed from one task to another, since it was started.
func traffic(ctx context.Context) (out []harness.Reading) {
	if cards, err := net.IOCountersWithContext(ctx, true); err == nil {
		var received, sent uint64
		for _, c := range cards {
			if c.Name != "lo" { // what goes from this machine to itself uses no network
				received, sent = received+c.BytesRecv, sent+c.BytesSent
			}
		}
		out = append(out, host("net_received_bytes", float64(received)), host("net_sent_bytes", float64(sent)))
	}
	if disks, err := disk.IOCountersWithContext(ctx); err == nil {
		var read, written uint64
		for name, d := range disks {
			if isWholeDisk(name, disks) {
				read, written = read+d.ReadBytes, written+d.WriteBytes
			}
		}
		out = append(out, host("disk_read_bytes", float64(read)), host("disk_written_bytes", float64(written)))
	}
	if switches, ok := statistic(read("/proc/stat"), "ctxt"); ok {
		out = append(out, host("context_switches", switches))
	}
	return out
}

// isWholeDisk reports whether a disk is one: sda is, sda1 is a part of it and nvme0n1p2 of
// nvme0n1, which count its bytes once more; so do mappers and loops.
func isWholeDisk(name string, disks map[string]disk.IOCountersStat) bool {
	for _, kind := range []string{"loop", "ram", "dm-", "md", "zram"} {
		if strings.HasPrefix(name, kind) {
			return false
		}
	}
	base := strings.TrimRight(name, "0123456789")
	for _, of := range []string{base, strings.TrimSuffix(base, "p")} {
		if _, ok := disks[of]; ok && of != name {
			return false
		}
	}
	return true
}

func host(series string, v float64) harness.Reading {
	return harness.Reading{Source: "host", Series: series, Value: v}
}

func client(series string, v float64) harness.Reading {
	return harness.Reading{Source: "client", Series: series, Value: v}
}
