package sampler

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func files(t *testing.T, content map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range content {
		require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	return root
}

func TestLimits_ofTheContainer(t *testing.T) {
	all := float64(runtime.GOMAXPROCS(0))
	for name, c := range map[string]struct {
		files           map[string]string
		cpus, throttled float64
	}{
		"no container": {map[string]string{}, all, -1},
		"version 2": {map[string]string{"proc/self/cgroup": "0::/pod\n", "sys/fs/cgroup/pod/cpu.max": "25000 100000\n",
			"sys/fs/cgroup/pod/cpu.stat": "usage_usec 9\nthrottled_usec 1500000\n"}, .25, 1.5},
		"version 2, no limit": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, all, -1},
		"version 1": {map[string]string{"proc/self/cgroup": "3:cpu,cpuacct:/pod\n0::/\n", "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "50000\n",
			"sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000\n", "sys/fs/cgroup/cpu/pod/cpu.stat": "nr_periods 7\nthrottled_time 2000000000\n"}, .5, 2},
		"version 1, no limit": {map[string]string{"proc/self/cgroup": "3:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, all, -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := boxOf(files(t, c.files), "self")
			assert.Equal(t, c.cpus, b.cpus)
			assert.Equal(t, c.throttled, b.throttled)
		})
	}
	b := boxOf(files(t, map[string]string{"proc/42/cgroup": "0::/pod\n", "sys/fs/cgroup/pod/memory.max": "4096\n", "sys/fs/cgroup/pod/memory.current": "1024\n"}), "42")
	assert.Equal(t, []float64{1024, 4096}, []float64{b.used, b.memory})
}

func TestLimits_portsThatAreLeft(t *testing.T) {
	used, all, ok := ports(files(t, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
		"proc/net/sockstat": "sockets: used 10\nTCP: inuse 5 orphan 0 tw 9 alloc 1 mem 0\n"}), new(pairs))
	assert.True(t, ok)
	assert.Equal(t, []float64{14, 28_232}, []float64{used, all})
	// Of 40,000 connections of others there are three to one server: from ports 0x9000 and
	// 0x9001 of one address, and from one of another; the fourth is the server's end of one.
	used, _, ok = ports(files(t, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
		"proc/net/sockstat": "sockets: used 10\nTCP: inuse 5 orphan 0 tw 40000 alloc 1 mem 0\n",
		"proc/net/tcp": "  sl  local_address rem_address   st tx_queue\n" +
			"   0: 0100007F:9000 0100007F:1F40 01 00000000\n   1: 0100007F:9001 0100007F:1F40 06 00000000\n" +
			"   2: 0200007F:9000 0100007F:1F40 06 00000000\n   3: 0100007F:1F40 0100007F:9000 06 00000000\n"}), new(pairs))
	assert.True(t, ok)
	assert.Equal(t, 2.0, used)
	used, _, ok = ports(files(t, map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
		"proc/net/sockstat": "sockets: used 10\nTCP: inuse 5 orphan 0 tw 28000 alloc 1 mem 0\n"}), new(pairs))
	assert.True(t, ok)
	assert.Equal(t, 28_005.0, used, "at the worst all go to one server")
	_, _, ok = ports(t.TempDir(), new(pairs))
	assert.False(t, ok, "it is not told everywhere")
}
