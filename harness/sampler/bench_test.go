//go:build unix

package sampler_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Rusage
	require.NoError(b, unix.Getrusage(unix.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkSampling tells how much CPU reading everything once takes: at one reading
// a second, 1 % of a core is 10 ms. The page is that of a real vLLM. What serving it costs, in
// the same process, is counted with it.
func BenchmarkSampling(b *testing.B) {
	recorded, err := os.ReadFile("../../fixtures/recordings/0.32.0/metrics-after.txt")
	require.NoError(b, err)
	_, body, _ := bytes.Cut(recorded, []byte("\n\n"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
	defer server.Close()
	metrics := &sampler.Prometheus{URL: server.URL, HTTP: server.Client(), Source: "server"}
	host := sampler.NewHost()
	host.Server = sampler.FindProcess(b.Context(), start(b, "idle").port)
	for name, samplers := range map[string][]harness.Sampler{"server": {metrics}, "host": {host}, "server+host": {metrics, host}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before, readings := cpu(b), 0
			for b.Loop() {
				readings = 0
				for _, s := range samplers {
					read, err := s.Read(b.Context())
					require.NoError(b, err)
					readings += len(read)
				}
			}
			each := (cpu(b) - before).Seconds() / float64(b.N)
			b.ReportMetric(each*1e3, "cpu-ms/round")
			b.ReportMetric(each*100, "%-of-a-core-at-1/s")
			b.ReportMetric(float64(readings), "readings")
		})
	}
}
