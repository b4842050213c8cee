package export_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collected "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/export"
)

func about() export.About {
	return export.About{Run: "run=x", Scenario: "A day", Model: "llama", URL: "http://server:8000", Version: "v1"}
}

// records are an answer, and a failure in mid-answer.
func records() (good, bad harness.Record) {
	good = harness.NewRecord(0, time.Second)
	good.Sent, good.Headers, good.Done = 1100*time.Millisecond, 1110*time.Millisecond, 2100*time.Millisecond
	good.Chunks = []time.Duration{1600 * time.Millisecond, 1800 * time.Millisecond, 2 * time.Second}
	good.PromptTokens, good.OutputTokens, good.Finish, good.Good, good.Class = 50, 3, "length", true, "chat"
	bad = harness.NewRecord(1, time.Second)
	bad.Sent, bad.Done, bad.Failure = time.Second, 3*time.Second, harness.HTTPFailure(503)
	return good, bad
}

func record(t *testing.T, e *export.Exporter) {
	t.Helper()
	good, bad := records()
	require.NoError(t, e.Record(good))
	require.NoError(t, e.Record(bad))
	require.NoError(t, e.Sample(harness.Sample{At: time.Second, Reading: harness.Reading{Source: "client", Series: harness.SeriesInFlight, Value: 7}}))
	require.NoError(t, e.Sample(harness.Sample{At: time.Second, Reading: harness.Reading{Source: "server", Series: "vllm:num_requests_running", Value: 3}}))
}

// A receiver is an OTLP collector over HTTP, built from the official protocol.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got map[string]*metrics.Metric
	of  map[string]string // attributes of the resource
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: map[string]*metrics.Metric{}, of: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body := io.Reader(q.Body)
		if q.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if !assert.NoError(t, err) {
				return
			}
			body = unzipped
		}
		raw, err := io.ReadAll(body)
		var sent collected.ExportMetricsServiceRequest
		if !assert.NoError(t, err) || !assert.Equal(t, "/v1/metrics", q.URL.Path) || !assert.NoError(t, proto.Unmarshal(raw, &sent)) {
			return
		}
		r.take(&sent)
		answer, err := proto.Marshal(new(collected.ExportMetricsServiceResponse))
		assert.NoError(t, err)
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(sent *collected.ExportMetricsServiceRequest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range sent.ResourceMetrics {
		for _, a := range resource.Resource.Attributes {
			r.of[a.Key] = a.Value.GetStringValue()
		}
		for _, scope := range resource.ScopeMetrics {
			for _, m := range scope.Metrics {
				r.got[m.Name] = m
			}
		}
	}
}

func attributes(p *metrics.HistogramDataPoint) map[string]string {
	out := map[string]string{}
	for _, a := range p.Attributes {
		out[a.Key] = a.Value.GetStringValue()
	}
	return out
}

func TestCollector_getsTheRunUnderTheConventionsNames(t *testing.T) {
	r := newReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL)
	e, err := export.New(t.Context(), about(), export.Options{OTLP: true})
	require.NoError(t, err)
	record(t, e)
	require.NoError(t, e.Finish())

	assert.Equal(t, "vllmspec", r.of["service.name"])
	assert.Equal(t, "A day", r.of["vllmspec.scenario"])
	first := r.got["gen_ai.client.operation.time_to_first_chunk"]
	require.NotNil(t, first)
	assert.Equal(t, "s", first.Unit)
	point := first.GetHistogram().DataPoints[0]
	assert.InDelta(t, .5, point.GetSum(), 1e-9, "counted from when it was sent, as the conventions say")
	assert.Equal(t, map[string]string{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "vllm", "gen_ai.request.model": "llama",
		"server.address": "server", "server.port": "", "vllmspec.class": "chat"}, attributes(point))
	assert.InDelta(t, .6, r.got["vllmspec.ttft"].GetHistogram().DataPoints[0].GetSum(), 1e-9, "counted from when it was due")
	assert.EqualValues(t, 2, r.got["gen_ai.client.operation.time_per_output_chunk"].GetHistogram().DataPoints[0].Count)

	sums := map[string]float64{}
	for _, p := range r.got["gen_ai.client.token.usage"].GetHistogram().DataPoints {
		sums[attributes(p)["gen_ai.token.type"]] += p.GetSum()
	}
	assert.Equal(t, map[string]float64{"input": 50, "output": 3}, sums)
	took := map[string]float64{}
	for _, p := range r.got["gen_ai.client.operation.duration"].GetHistogram().DataPoints {
		took[attributes(p)["error.type"]] = p.GetSum()
	}
	assert.InDeltaMapValues(t, map[string]float64{"": 1, "http 503": 2}, took, 1e-9)
	assert.Equal(t, 7.0, r.got["vllmspec.client.requests_in_flight"].GetGauge().DataPoints[0].GetAsDouble())
}

func TestCollector_thatIsNotThereIsNamed(t *testing.T) {
	dead := httptest.NewServer(nil)
	dead.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@"+dead.Listener.Addr().String())
	e, err := export.New(t.Context(), about(), export.Options{OTLP: true})
	require.NoError(t, err)
	record(t, e)
	err = e.Finish()
	require.ErrorContains(t, err, "metrics did not get to the OTLP endpoint")
	assert.NotContains(t, err.Error(), "secret")
}

func TestCollector_thatHangsHoldsNothingUp(t *testing.T) {
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hanging.Close()
	defer close(release)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", hanging.URL)
	e, err := export.New(t.Context(), about(), export.Options{OTLP: true, Every: time.Hour})
	require.NoError(t, err)
	record(t, e)
	ended := make(chan error, 1)
	go func() { ended <- e.Finish() }()
	select {
	case err := <-ended:
		assert.ErrorContains(t, err, "metrics did not get to the OTLP endpoint")
	case <-time.After(time.Minute):
		t.Fatal("it waits for ever")
	}
}

func TestPage_forPrometheus(t *testing.T) {
	page, err := export.Serve("127.0.0.1:0")
	require.NoError(t, err)
	defer page.Close()
	families := func() map[string]float64 {
		response, err := http.Get(page.URL())
		require.NoError(t, err)
		defer response.Body.Close()
		parser := expfmt.NewTextParser(model.UTF8Validation)
		all, err := parser.TextToMetricFamilies(response.Body)
		require.NoError(t, err)
		out := map[string]float64{}
		for name, f := range all {
			for _, m := range f.Metric {
				out[name] += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
				labels := map[string]string{}
				for _, l := range m.Label {
					labels[l.GetName()] = l.GetValue()
				}
				if name != "target_info" {
					assert.Equal(t, "A day", labels["vllmspec_scenario"], name)
				}
			}
		}
		return out
	}
	assert.Empty(t, families(), "before the first run")
	e, err := export.New(t.Context(), about(), export.Options{Prometheus: true})
	require.NoError(t, err)
	page.Show(e)
	record(t, e)
	got := families()
	assert.Equal(t, 7.0, got["vllmspec_client_requests_in_flight"])
	assert.Equal(t, 2.0, got["vllmspec_requests_total"])
	assert.Equal(t, 1.0, got["vllmspec_requests_good_total"])
	assert.Equal(t, 1.0, got["vllmspec_ttft_seconds"])
	assert.Equal(t, 1.0, got["gen_ai_client_operation_time_to_first_chunk_seconds"])
	assert.NotContains(t, got, "vllmspec_server_vllm:num_requests_running", "whoever wants the server's reads the server")
	require.NoError(t, e.Finish())
	assert.Equal(t, 2.0, families()["vllmspec_requests_total"], "the last run can still be read")
}

func TestAddress_isOfTheLoopbackUnlessItSaysOtherwise(t *testing.T) {
	for written, want := range map[string]string{"9464": "127.0.0.1:9464", ":9464": "127.0.0.1:9464", "0.0.0.0:9464": "0.0.0.0:9464", "[::1]:80": "[::1]:80"} {
		got, err := export.Address(written)
		require.NoError(t, err, written)
		assert.Equal(t, want, got)
	}
	for _, wrong := range []string{"localhost", "http://x:1", "1:2:3", "70000", "-1"} {
		_, err := export.Address(wrong)
		assert.ErrorContains(t, err, "write 127.0.0.1:9464", wrong)
	}
}

func BenchmarkRecord(b *testing.B) {
	e, err := export.New(context.Background(), about(), export.Options{Prometheus: true})
	require.NoError(b, err)
	r, _ := records()
	for i := range 100 {
		r.Chunks = append(r.Chunks, 2*time.Second+time.Duration(i)*time.Millisecond)
	}
	for b.Loop() {
		require.NoError(b, e.Record(r))
	}
}
