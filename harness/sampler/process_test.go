package sampler_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/sampler"
)

// TestMain is the test, or, started by one, a server with a child that works.
func TestMain(m *testing.M) {
	switch os.Getenv("SAMPLER_TEST_AS") {
	case "server":
		serve(true)
	case "idle":
		serve(false)
	case "worker":
		for i := 0; ; i++ {
			if i%1000 == 0 {
				os.Stdout.WriteString("") // a second of this is a second of CPU
			}
		}
	}
	os.Exit(m.Run())
}

// serve listens on a port, writes it down, and may let a child work, until it is told
// to stop.
func serve(work bool) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	worker := exec.Command(os.Args[0])
	worker.Env = append(os.Environ(), "SAMPLER_TEST_AS=worker")
	if work && worker.Start() != nil {
		os.Exit(1)
	}
	println(strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	go http.Serve(listener, http.NotFoundHandler())
	bufio.NewReader(os.Stdin).ReadString('\n')
	if work {
		worker.Process.Kill()
		worker.Wait()
	}
	os.Exit(0)
}

// A started server is a process with a port, and what ends it.
type started struct {
	pid  int32
	port uint16
	end  func()
}

// start starts this test as a server.
func start(t testing.TB, as string) started {
	t.Helper()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), "SAMPLER_TEST_AS="+as)
	stop, err := server.StdinPipe()
	require.NoError(t, err)
	output, err := server.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	end := sync.OnceFunc(func() { stop.Close(); server.Wait() })
	t.Cleanup(end)
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
	require.NoError(t, err)
	return started{int32(server.Process.Pid), uint16(port), end}
}

func TestProcess_isFoundByItsPort(t *testing.T) {
	server := start(t, "server")
	found := sampler.FindProcess(t.Context(), server.port)
	require.True(t, found.Here())
	assert.Contains(t, found.PIDs(), server.pid)
	assert.Len(t, found.PIDs(), 2, "the server and its worker")
	host := &sampler.Host{Server: found}
	first, err := host.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []float64{2}, values(first, "server_processes"))
	assert.Positive(t, values(first, "server_rss_bytes")[0])
	before := values(first, "server_cpu_seconds")[0]
	assert.Eventually(t, func() bool {
		now, err := host.Read(t.Context())
		return err == nil && values(now, "server_cpu_seconds")[0] > before
	}, waitAtMost, waitEach, "what its child computes is the server's")
	assert.Empty(t, host.Remarks())

	server.end()
	gone, err := host.Read(t.Context())
	require.NoError(t, err)
	assert.Empty(t, values(gone, "server_cpu_seconds"), "a server that has ended uses nothing, which is not zero")
}

func TestProcess_thatCannotBeWatchedSaysWhy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := uint16(listener.Addr().(*net.TCPAddr).Port)
	ours := &sampler.Host{Server: sampler.FindProcess(t.Context(), port)}
	assert.Equal(t, []string{"the server's process was not watched: the server is a part of this one"}, ours.Remarks())
	listener.Close()
	nobody := sampler.FindProcess(t.Context(), port)
	assert.False(t, nobody.Here())
	readings, err := (&sampler.Host{Server: nobody}).Read(t.Context())
	require.NoError(t, err)
	assert.Empty(t, values(readings, "server_cpu_seconds"))
}

func TestProcess_addressesOfThisMachine(t *testing.T) {
	for address, here := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "0.0.0.0": true, "192.0.2.7": false, "gpu-server": false} {
		assert.Equal(t, here, sampler.OnThisMachine(t.Context(), address), address)
	}
}

func TestHost_inFull(t *testing.T) {
	h := sampler.NewHost()
	_, err := h.Read(t.Context())
	require.NoError(t, err)
	var busy []float64
	require.Eventually(t, func() bool { // the kernel counts in hundredths of a second
		second, err := h.Read(t.Context())
		busy = values(second, "core_utilisation_ratio")
		return err == nil && len(busy) > 0 && len(values(second, "cpu_utilisation_ratio")) == 1
	}, waitAtMost, waitEach)
	for _, v := range busy {
		assert.True(t, v >= 0 && v <= 1)
	}
	readings, err := h.Read(t.Context())
	require.NoError(t, err)
	for _, series := range []string{"memory_available_bytes", "swap_used_bytes", "net_received_bytes", "disk_written_bytes", "context_switches", "load1", "goroutines", "process_cpu_seconds"} {
		assert.Len(t, values(readings, series), 1, series)
	}
}

// What takes some time on a loaded machine.
const (
	waitAtMost = 30 * time.Second
	waitEach   = 20 * time.Millisecond
)
