package suite_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/ledger"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/vllm"
	"github.com/vllmspec/vllmspec/internal/environment"
	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/reports/sql"
)

// fleetLoad is asked of two engines in turn, of which the slow one has half of the requests: its TTFT is over 600 ms,
// that of the fast one some 15 ms.
const fleetLoad = `Feature: X
  Scenario: One
    Given the model "llama-3.1-8b" is being served
    And prompts of 64 tokens are answered in 2 tokens
    And requests arrive evenly at 20 per second
    When the load runs for 3 seconds
    Then these objectives are met:
      | p90 TTFT | at most 500 ms |
    And client and server agree on:
      | requests      | exactly |
      | output tokens | exactly |
`

// engineAt serves the mock over a listener.
func engineAt(t *testing.T, listener net.Listener, scale float64) (address string) {
	t.Helper()
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	require.NoError(t, err)
	mock, err := mockvllm.New(mockvllm.Config{Profile: profile, Seed: 1, PromptDetails: true, Scale: scale})
	require.NoError(t, err)
	mock.Start()
	t.Cleanup(mock.Close)
	serve := &http.Server{Handler: mock}
	go serve.Serve(listener)
	t.Cleanup(func() { serve.Close() })
	return listener.Addr().String()
}

// twoAddresses listens at one port of two addresses, since a name in the DNS has one port for all of its.
func twoAddresses(t *testing.T) (a, b net.Listener, port int) {
	t.Helper()
	for range 100 {
		a, err := net.Listen("tcp", "127.0.0.2:0")
		require.NoError(t, err)
		port := a.Addr().(*net.TCPAddr).Port
		if b, err := net.Listen("tcp", fmt.Sprintf("127.0.0.3:%d", port)); err == nil {
			return a, b, port
		}
		a.Close()
	}
	require.FailNow(t, "127.0.0.2 and 127.0.0.3 have no free port in common")
	return nil, nil, 0
}

// headless is a name with the addresses of both engines.
type headless []string

func (h headless) LookupNetIP(_ context.Context, network, host string) (found []netip.Addr, err error) {
	for _, ip := range h {
		if network == "ip4" && host == "vllm-headless" {
			found = append(found, netip.MustParseAddr(ip))
		}
	}
	return found, nil
}

// TestFleet_slowEngineBehindAGatewayIsNamed has nginx before two engines of unlike speed. Their metrics come from a list,
// from the addresses of one name, and from a Prometheus that scrapes both, and say the same.
func TestFleet_slowEngineBehindAGatewayIsNamed(t *testing.T) {
	t.Parallel()
	nginx := installed(t, "nginx", "apt install nginx-light")
	if runtime.GOOS != "linux" {
		t.Skip("this machine has one loopback address only; to run this test: use Linux, where all of 127.0.0.0/8 is there")
	}
	atFast, atSlow, port := twoAddresses(t)
	fast, slow := engineAt(t, atFast, 1), engineAt(t, atSlow, 0.02)
	gateway := freePort(t)
	config := configured(t, "nginx-fleet.conf", "PORT", fmt.Sprint(gateway), "FAST", fast, "SLOW", slow)
	url := serves(t, gateway, nginx, "-c", config, "-p", filepath.Dir(config), "-e", "stderr")
	for name, metrics := range map[string]func(*testing.T) []string{
		"a list": func(*testing.T) []string {
			return []string{"VLLM_METRICS_URL=http://" + fast + "/metrics,http://" + slow + "/metrics"}
		},
		"one name's DNS": func(*testing.T) []string {
			return []string{fmt.Sprintf("VLLM_METRICS_URL=dns+http://vllm-headless:%d/metrics", port)}
		},
		"a Prometheus": func(t *testing.T) []string {
			return []string{"VLLM_PROMETHEUS_URL=" + scraping(t, fast, slow)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := tryWith(t, t.TempDir(), fleetLoad, func(env *environment.Environment) { env.Resolver = headless{"127.0.0.2", "127.0.0.3"} },
				append(metrics(t), "VLLM_URL="+url, "VLLMSPEC_UNKNOWN=warn")...)
			require.NoError(t, err)
			whole := name == "a Prometheus" || !missesReadings(t, r) // a page that is late is a gap, a scrape that is late is awaited
			namesTheSlow(t, r, slow, whole)
			holdsEngines(t, r.runs[0], whole, fast, slow)
		})
	}
}

// scraping is a Prometheus that scrapes engines and itself twice a second, and did so at least once.
func scraping(t *testing.T, engines ...string) string {
	t.Helper()
	program := installed(t, "prometheus", "apt-get install prometheus")
	folder := t.TempDir()
	config, address := filepath.Join(folder, "prometheus.yml"), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	require.NoError(t, os.WriteFile(config, []byte(fmt.Sprintf("global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs: [{job_name: fleet, static_configs: [{targets: ['%s', '%s']}]}]\n", strings.Join(engines, "', '"), address)), 0o644))
	run := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	var said bytes.Buffer
	run.Stdout, run.Stderr = &said, &said
	require.NoError(t, run.Start())
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	url := "http://" + address
	require.Eventually(t, func() bool {
		answer, err := http.Get(url + "/api/v1/query?query=count(vllm:num_requests_running)")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return strings.Contains(string(text), fmt.Sprintf("%q", fmt.Sprint(len(engines))))
	}, time.Minute, 100*time.Millisecond, "it scraped nothing")
	return url
}

// missesReadings reports whether an engine did not answer in time when its page of metrics was read, as on a machine with
// other work; what its counters say is unknown then.
func missesReadings(t *testing.T, r ran) bool {
	t.Helper()
	return strings.Contains(strings.Join(harness.WarningTexts(r.manifests(t)[0].Warnings), "\n"), "readings of the server are missing")
}

// namesTheSlow holds the cause against which engine is slow; a client that was late leaves the verdict unknown, and so
// does a page of metrics that was not read the agreement.
func namesTheSlow(t *testing.T, r ran, slow string, whole bool) {
	t.Helper()
	if !strings.Contains(r.output, "? unknown") {
		assert.False(t, r.passed, r.output)
		assert.Contains(t, r.output, ", above all on the engine "+slow, r.output)
	}
	for _, row := range []string{"requests", "output tokens"} {
		if whole {
			assert.Regexp(t, "✓ met +disagreement on "+row, r.output)
		}
		assert.NotRegexp(t, "✗ missed +disagreement on "+row, r.output)
	}
}

// holdsEngines holds what is stored and shown of each engine: half of the 60 requests, by the answers and by the
// engines' own counters.
func holdsEngines(t *testing.T, dir string, whole bool, engines ...string) {
	t.Helper()
	stored, err := store.Open(dir)
	require.NoError(t, err)
	asked, finished := map[string]int{}, map[string]float64{}
	for record := range stored.Run.Records {
		asked[record.Replica]++
	}
	counters := ledger.NewCounters()
	for s := range stored.Run.Samples {
		if s.Series == vllm.RequestSuccess {
			rise, _ := counters.Rise(s, 0)
			finished[strings.TrimPrefix(s.Labels["replica"], "http://")] += rise
		}
	}
	if python("import duckdb").Run() == nil { // .ci/run has it
		of := &duck{t: t}
		of.ask(sql.Engines, func(rows [][]string) {
			require.Len(t, rows, len(engines))
			for i, engine := range engines {
				assert.Equal(t, []string{engine, "30", "0.5", "0"}, rows[i][:4])
				assert.Len(t, rows[i], 8)
			}
		})
		of.run(dir)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	for _, engine := range engines {
		assert.Equal(t, 30, asked[engine], "%v", asked)
		if whole {
			assert.Equal(t, 30.0, finished[engine], "%v", finished)
		}
		assert.Contains(t, string(page), `<th scope="row">`+engine+`</th>`)
	}
}
