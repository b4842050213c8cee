package suite_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/store"
)

func manifestOf(t *testing.T, r ran) store.Manifest {
	t.Helper()
	require.Len(t, r.runs, 1, r.output)
	m, _, err := store.ReadManifest(r.runs[0])
	require.NoError(t, err)
	return m
}

func TestExport_liveRunCanBeReadWhileItGoesOn(t *testing.T) {
	address := freeAddress(t)
	seen, ended := make(chan string), make(chan struct{})
	go func() {
		defer close(seen)
		for {
			if response, err := http.Get("http://" + address + "/metrics"); err == nil {
				page, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if found := regexp.MustCompile(`(?m)^vllmspec_requests_total\{.*vllmspec_scenario="One".*\} \d+$`).Find(page); found != nil {
					seen <- string(found)
					return
				}
			}
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	said := make(chan string, 1)
	go func() { said <- <-seen }()
	r := feature(t, seconds, "VLLMSPEC_TARGET=mock", "VLLMSPEC_METRICS="+address, "VLLMSPEC_UNKNOWN=warn")
	close(ended)
	assert.Contains(t, <-said, `gen_ai_request_model="llama-3.1-8b"`)
	assert.Empty(t, manifestOf(t, r).Failure)
}

func TestExport_missingCollectorDoesNotEndARun(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", dead.URL)
	r := feature(t, seconds, "VLLMSPEC_TARGET=mock", "VLLMSPEC_UNKNOWN=warn", "VLLMSPEC_METRICS="+taken.Addr().String(), "OTEL_EXPORTER_OTLP_ENDPOINT="+dead.URL)
	m := manifestOf(t, r)
	assert.Empty(t, m.Failure)
	warnings := strings.Join(harness.WarningTexts(m.Warnings), "\n")
	assert.Contains(t, warnings, "metrics did not get to the OTLP endpoint")
	assert.Contains(t, warnings, "metrics cannot be shown at "+taken.Addr().String())
}

func TestExport_OTLPOverGRPCIsNotSent(t *testing.T) {
	r := feature(t, seconds, "VLLMSPEC_TARGET=mock", "VLLMSPEC_UNKNOWN=warn", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc")
	assert.Contains(t, strings.Join(harness.WarningTexts(manifestOf(t, r).Warnings), "\n"), "over http/protobuf, not grpc")
}

func TestManifest_saysWhatWasMeasuredAndFromWhere(t *testing.T) {
	root := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "--allow-empty", "-m", "x"}} {
		out, err := exec.Command("git", append([]string{"-C", root}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	r, err := tryIn(t, root, seconds, "VLLMSPEC_UNKNOWN=warn")
	require.NoError(t, err)
	m := manifestOf(t, r)
	assert.Regexp(t, `^[0-9a-f]{40}$`, m.Tool.Commit)
	assert.Equal(t, "16", m.Server.CacheConfig["block_size"])
	assert.Contains(t, string(m.Server.Card), `"owned_by"`)
	assert.NotContains(t, string(m.Server.Card), `"created"`, "it is another one every time")
	assert.Contains(t, string(m.Server.Config), `"max_num_seqs"`)
	assert.NotContains(t, string(m.Server.Config), "vllm_env", "it may hold secrets")
	assert.NotEmpty(t, m.Host.Kernel)
	names := map[string]harness.Outcome{}
	for _, a := range m.Agreement {
		names[a.Name] = a.Outcome
	}
	assert.Equal(t, harness.Met, names["requests"])
	assert.Equal(t, harness.Met, names["output tokens"])
}
