package sampler

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// limits are what this process may use, and how near it is: the CPUs that it has
// and for how long its container's quota held it (cgroup v2, or v1), the files and
// the ports that are left. What a platform does not tell is left out.
func limits() []harness.Reading {
	cpus, throttled, hasThrottled := quota("/")
	out := []harness.Reading{client("cpus_available", cpus)}
	if hasThrottled {
		out = append(out, client("cpu_throttled_seconds", throttled))
	}
	if open, err := openFiles(); err == nil {
		out = append(out, client("open_files", float64(open)))
		if most, ok := fileLimit(); ok {
			out = append(out, client("open_files_limit", float64(most)))
		}
	}
	if used, all, ok := ports("/"); ok {
		out = append(out, client("ports_used", used), client("ports_available", all))
	}
	return out
}

// quota is how many CPUs Go uses, or fewer where the container's quota allows no
// more, and how long the quota has held the container.
func quota(root string) (cpus, throttled float64, hasThrottled bool) {
	cpus = float64(runtime.GOMAXPROCS(0))
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch controllers, group := fields[1], fields[2]; {
		case controllers == "":
			dir := path.Join("sys/fs/cgroup", group)
			limit, period, _ := strings.Cut(strings.TrimSpace(read(root, dir, "cpu.max")), " ")
			cpus = fewer(cpus, limit, period)
			if us, ok := statistic(read(root, dir, "cpu.stat"), "throttled_usec"); ok {
				throttled, hasThrottled = us/1e6, true
			}
		case controllers == "cpu" || strings.HasPrefix(controllers, "cpu,") || strings.HasSuffix(controllers, ",cpu"):
			dir := path.Join("sys/fs/cgroup/cpu", group)
			cpus = fewer(cpus, strings.TrimSpace(read(root, dir, "cpu.cfs_quota_us")), strings.TrimSpace(read(root, dir, "cpu.cfs_period_us")))
			if ns, ok := statistic(read(root, dir, "cpu.stat"), "throttled_time"); ok && !hasThrottled {
				throttled, hasThrottled = ns/1e9, true
			}
		}
	}
	return cpus, throttled, hasThrottled
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

// ports is how many connections this machine has, those that linger included, and
// how many it can open from one address to one other.
func ports(root string) (used, all float64, ok bool) {
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
		return inUse + lingering, to - from + 1, err1 == nil && err2 == nil
	}
	return 0, 0, false
}

func read(elements ...string) string {
	raw, err := os.ReadFile(path.Join(elements...))
	if err != nil {
		return ""
	}
	return string(raw)
}
