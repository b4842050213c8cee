package sampler

import (
	"bufio"
	"cmp"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// limits are what this process may use, and how near it is: what its container has
// (cgroup v2, or v1), the files and the ports that are left. What a platform does not
// tell is left out.
func limits(pairs *pairs) []harness.Reading {
	box := boxOf("/", "self")
	out := []harness.Reading{client("cpus_available", box.cpus)}
	if box.throttled >= 0 {
		out = append(out, client("cpu_throttled_seconds", box.throttled))
	}
	if box.memory > 0 {
		out = append(out, client("container_memory_used_bytes", box.used), client("container_memory_limit_bytes", box.memory))
	}
	if open, err := openFiles(); err == nil {
		out = append(out, client("open_files", float64(open)))
		if most, ok := fileLimit(); ok {
			out = append(out, client("open_files_limit", float64(most)))
		}
	}
	if used, all, ok := ports("/", pairs); ok {
		out = append(out, client("ports_used", used), client("ports_available", all))
	}
	return out
}

// A box is the container that a process is in, as far as it limits it.
type box struct {
	cpus         float64 // that Go uses, or fewer where the quota allows no more
	throttled    float64 // s for which the quota has held it; -1 where unknown
	used, memory float64 // bytes, of a limit; 0 where there is none
}

// boxOf is that of a process, "self" or its number.
func boxOf(root, pid string) box {
	b := box{cpus: float64(runtime.GOMAXPROCS(0)), throttled: -1}
	if pid != "self" {
		b.cpus = float64(runtime.NumCPU())
	}
	for line := range strings.Lines(read(root, "proc", pid, "cgroup")) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch controllers, group := fields[1], fields[2]; {
		case controllers == "":
			b.version2(root, path.Join("sys/fs/cgroup", group))
		case controllers == "cpu" || strings.HasPrefix(controllers, "cpu,") || strings.HasSuffix(controllers, ",cpu"):
			dir := path.Join("sys/fs/cgroup/cpu", group)
			b.cpus = fewer(b.cpus, strings.TrimSpace(read(root, dir, "cpu.cfs_quota_us")), strings.TrimSpace(read(root, dir, "cpu.cfs_period_us")))
			if ns, ok := statistic(read(root, dir, "cpu.stat"), "throttled_time"); ok && b.throttled < 0 {
				b.throttled = ns / 1e9
			}
		}
	}
	return b
}

func (b *box) version2(root, dir string) {
	limit, period, _ := strings.Cut(strings.TrimSpace(read(root, dir, "cpu.max")), " ")
	b.cpus = fewer(b.cpus, limit, period)
	if us, ok := statistic(read(root, dir, "cpu.stat"), "throttled_usec"); ok {
		b.throttled = us / 1e6
	}
	most, err := strconv.ParseFloat(strings.TrimSpace(read(root, dir, "memory.max")), 64)
	if used, err2 := strconv.ParseFloat(strings.TrimSpace(read(root, dir, "memory.current")), 64); err == nil && err2 == nil {
		b.used, b.memory = used, most
	}
}

// fewer is a number of CPUs, or less where a limit of so many microseconds in each
// period says so; "max" and -1 are none.
func fewer(cpus float64, limit, period string) float64 {
	l, err1 := strconv.ParseFloat(limit, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || l <= 0 || p <= 0 {
		return cpus
	}
	return min(cpus, l/p)
}

func statistic(page, name string) (float64, bool) {
	for line := range strings.Lines(page) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key == name {
			v, err := strconv.ParseFloat(value, 64)
			return v, err == nil
		}
	}
	return 0, false
}

func openFiles() (int, error) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	return len(names), err
}

// ports is how many connections this machine has from one address to one other, those
// that linger included, and how many it can open. To look at every connection takes a
// tenth of a second where there are many: while all of them together are few enough, they
// stand for those of the busiest pair, and also where the connections cannot be looked at.
func ports(root string, pairs *pairs) (used, all float64, ok bool) {
	low, high, two := strings.Cut(strings.TrimSpace(read(root, "proc/sys/net/ipv4/ip_local_port_range")), "\t")
	from, err1 := strconv.ParseFloat(low, 64)
	to, err2 := strconv.ParseFloat(high, 64)
	if !two || err1 != nil || err2 != nil || to < from {
		return 0, 0, false
	}
	for line := range strings.Lines(read(root, "proc/net/sockstat")) {
		fields := strings.Fields(line)
		if len(fields) < 7 || fields[0] != "TCP:" {
			continue
		}
		inUse, err1 := strconv.ParseFloat(fields[2], 64)
		lingering, err2 := strconv.ParseFloat(fields[6], 64)
		used, all = inUse+lingering, to-from+1
		if used > 0.9*all { // fewer void no run
			used = cmp.Or(pairs.busiest(root, from, to), used)
		}
		return used, all, err1 == nil && err2 == nil
	}
	return 0, 0, false
}

// pairs remembers how many connections the busiest pair of addresses had.
type pairs struct {
	looked time.Time
	most   float64
}

// lookEvery is how long that is taken for granted.
const lookEvery = 10 * time.Second

// busiest is how many of the ports in a range the pair of addresses has that has most
// of them.
func (p *pairs) busiest(root string, from, to float64) float64 {
	if now := time.Now(); now.Sub(p.looked) >= lookEvery {
		p.looked, p.most = now, 0
		count := map[string]float64{}
		for _, family := range []string{"tcp", "tcp6"} {
			p.count(path.Join(root, "proc/net", family), from, to, count)
		}
	}
	return p.most
}

// count goes through a table of connections (proc_pid_net(5): local and remote address
// stand second and third, in hexadecimal). What cannot be read counts nothing.
func (p *pairs) count(table string, from, to float64, count map[string]float64) {
	file, err := os.Open(table)
	if err != nil {
		return
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		address, port, _ := strings.Cut(fields[1], ":")
		if n, err := strconv.ParseUint(port, 16, 16); err != nil || float64(n) < from || float64(n) > to {
			continue // the head of the table, or a server's own
		}
		pair := address + " " + fields[2]
		count[pair]++
		p.most = max(p.most, count[pair])
	}
}

func read(elements ...string) string {
	raw, err := os.ReadFile(path.Join(elements...))
	if err != nil {
		return ""
	}
	return string(raw)
}
