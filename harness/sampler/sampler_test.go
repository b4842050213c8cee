package sampler_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
)

func page(t *testing.T, status int, kind, body string) *sampler.Prometheus {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" {
			status = http.StatusUnauthorized
		}
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return &sampler.Prometheus{URL: server.URL + "/metrics", HTTP: &http.Client{Transport: keyed("key")}, Source: "server"}
}

// keyed sends the key with every request.
type keyed string

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+string(k))
	return http.DefaultTransport.RoundTrip(r)
}

const metrics = `# HELP vllm:num_requests_running Requests in the batch.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3
vllm:num_requests_running{engine="1",model_name="m"} 4
# TYPE vllm:num_preemptions_total counter
vllm:num_preemptions_total{engine="0"} 2
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1"} 1
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf"} 2
vllm:time_to_first_token_seconds_sum{engine="0"} 0.7
vllm:time_to_first_token_seconds_count{engine="0"} 2
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total 12
`

func values(readings []harness.Reading, series string) (out []float64) {
	for _, r := range readings {
		if r.Series == series {
			out = append(out, r.Value)
		}
	}
	return out
}

func TestPrometheus_readsTheServersMetrics(t *testing.T) {
	readings, err := page(t, 200, "text/plain; version=0.0.4", metrics).Read(t.Context())
	require.NoError(t, err)
	assert.ElementsMatch(t, []float64{3, 4}, values(readings, "vllm:num_requests_running"), "one reading per engine")
	assert.Equal(t, []float64{2}, values(readings, "vllm:num_preemptions_total"))
	assert.Equal(t, []float64{0.7}, values(readings, "vllm:time_to_first_token_seconds_sum"))
	assert.Equal(t, []float64{2}, values(readings, "vllm:time_to_first_token_seconds_count"))
	assert.Empty(t, values(readings, "python_gc_objects_collected_total"), "not vLLM's")
	for _, r := range readings {
		assert.Equal(t, "server", r.Source)
	}
}

func TestPrometheus_saysWhyItCannotRead(t *testing.T) {
	for name, c := range map[string]struct {
		sampler *sampler.Prometheus
		says    string
	}{
		"404":       {page(t, 404, "text/plain", ""), "set VLLM_METRICS_URL"},
		"500":       {page(t, 500, "text/plain", ""), "status 500"},
		"a page":    {page(t, 200, "text/html", "<html>"), "a web page came"},
		"malformed": {page(t, 200, "text/plain", "vllm:x{ 1\n"), "malformed"},
		"half":      {page(t, 200, "text/plain", metrics[:len(metrics)-30]), "cut short after"},
		"no end":    {page(t, 200, "application/openmetrics-text; version=1.0.0", metrics), "it has no end mark"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.sampler.Read(t.Context())
			assert.ErrorContains(t, err, c.says)
		})
	}
	noKey := page(t, 200, "text/plain", metrics)
	noKey.HTTP = &http.Client{Transport: keyed("another")}
	_, err := noKey.Read(t.Context())
	assert.ErrorContains(t, err, "set VLLM_API_KEY")
}

func TestHost_isRead(t *testing.T) {
	h := sampler.NewHost()
	first, err := h.Read(t.Context())
	require.NoError(t, err)
	assert.Empty(t, values(first, "cpu_utilisation_ratio"), "a share of time has no value before the second reading")
	total, used := values(first, "memory_total_bytes"), values(first, "memory_used_bytes")
	require.Len(t, total, 1)
	assert.Positive(t, used[0])
	assert.Less(t, used[0], total[0])
	assert.NotEmpty(t, values(first, "process_rss_bytes"))
}

func TestReplicas_areReadTogether(t *testing.T) {
	one, two := page(t, 200, "text/plain; version=0.0.4", metrics), page(t, 200, "text/plain; version=0.0.4", metrics)
	readings, err := sampler.Replicas{one, two}.Read(t.Context())
	require.NoError(t, err)
	of := map[string]int{}
	for _, r := range readings {
		of[r.Labels["replica"]+"/metrics"]++
	}
	assert.Len(t, of, 2)
	assert.Equal(t, of[one.URL], of[two.URL])
	assert.Positive(t, of[one.URL])

	_, err = sampler.Replicas{one, page(t, 500, "text/plain", "boom")}.Read(t.Context())
	assert.ErrorContains(t, err, "status 500", "a sum over one of two would be too small")
}

func TestPage_ofARealServerInFull(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/recordings/*/metrics-after.txt")
	require.NoError(t, err)
	require.Len(t, paths, 1)
	raw, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	_, body, _ := strings.Cut(string(raw), "\n\n")
	source := page(t, 200, "text/plain; version=0.0.4; charset=utf-8", body)
	readings, err := source.Read(t.Context())
	require.NoError(t, err)
	read := map[string]bool{}
	for _, r := range readings {
		read[r.Series] = true
	}
	for line := range strings.Lines(body) {
		name, _, _ := strings.Cut(line, "{")
		inside := strings.HasPrefix(name, "vllm:") && !strings.HasSuffix(name, "_created") && !strings.HasSuffix(name, "_bucket")
		assert.True(t, !inside || read[name], name)
	}
	assert.Equal(t, []float64{74}, values(readings, "vllm:generation_tokens_total"))
}
