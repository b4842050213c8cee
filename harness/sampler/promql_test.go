package sampler_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A prometheusAPI answers as Prometheus does. Its clock is its own.
type prometheusAPI struct {
	mu      sync.Mutex
	now     float64
	engines map[string]float64 // when each was scraped last, by instance
	asked   []string
	onQuery func(*prometheusAPI)
	status  int
	body    string // in place of an answer
}

func (p *prometheusAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.FormValue("query")
	p.asked = append(p.asked, r.Header.Get("Authorization")+" "+r.URL.Path+" "+query)
	if p.onQuery != nil {
		p.onQuery(p)
	}
	if p.status != 0 || p.body != "" {
		w.WriteHeader(max(p.status, 200))
		fmt.Fprint(w, p.body)
		return
	}
	result := []any{}
	for instance, at := range p.engines {
		sample := func(name string, value any) {
			labels := map[string]string{"instance": instance, "model_name": "m"}
			if name != "" {
				labels["__name__"] = name
			}
			result = append(result, map[string]any{"metric": labels, "value": []any{p.now, fmt.Sprint(value)}})
		}
		if strings.HasPrefix(query, "timestamp(") {
			sample("", at)
			continue
		}
		sample(vllm.NumRequestsRunning, 3)
		sample(vllm.RequestSuccess, at)
		sample("vllm:request_success_created", 1)
		sample("up", 1)
	}
	json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}})
}

func asks(t *testing.T, api *prometheusAPI) *sampler.PromQL {
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return &sampler.PromQL{Server: sampler.PrometheusServer{URL: server.URL + "/prom", Token: "t0ken", HTTP: server.Client()}, Selector: `{job="vllm",}`}
}

func TestPromQL_readsEveryEngineByItself(t *testing.T) {
	api := &prometheusAPI{now: 1000, engines: map[string]float64{"10.0.0.7:8000": 999.5, "10.0.0.8:8000": 999.2}}
	readings, err := asks(t, api).Read(t.Context())
	require.NoError(t, err)
	finished := map[string]float64{}
	for _, r := range readings {
		if r.Series == vllm.RequestSuccess {
			finished[r.Labels["replica"]] = r.Value
		}
		assert.NotContains(t, []string{"up", "vllm:request_success_created"}, r.Series)
	}
	assert.Equal(t, map[string]float64{"10.0.0.7:8000": 999.5, "10.0.0.8:8000": 999.2}, finished)
	last := readings[len(readings)-1]
	assert.Equal(t, [2]string{"watch", harness.SeriesAge}, [2]string{last.Source, last.Series})
	assert.InDelta(t, 0.8, last.Value, 1e-6)
	assert.Equal(t, []string{
		`Bearer t0ken /prom/api/v1/query timestamp({__name__="vllm:num_requests_running", job="vllm"})`,
		`Bearer t0ken /prom/api/v1/query {__name__=~"vllm:.+|http_requests_total|process_start_time_seconds", job="vllm"}`,
	}, api.asked)
}

// TestPromQL_oldValuesAreNone holds that what was scraped too long ago is a gap, and that at the ends of a run a scrape
// of every engine is awaited.
func TestPromQL_oldValuesAreNone(t *testing.T) {
	api := &prometheusAPI{now: 1000, engines: map[string]float64{"a:1": 999.9, "b:1": 993}}
	p := asks(t, api)
	_, err := p.Read(t.Context())
	assert.ErrorContains(t, err, "its last scrape of b:1 is 7.0 s old; a scrape_interval of 1s gives a reading each second")

	calls := 0
	api.onQuery = func(api *prometheusAPI) {
		switch calls++; calls {
		case 2:
			api.now, api.engines["a:1"] = 1000.2, 1000.1 // one of them: not enough
		case 3:
			api.now, api.engines["b:1"] = 1000.4, 1000.3
		}
	}
	readings, err := p.ReadAtEnd(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 4, calls, "until both were scraped, and then the series")
	assert.Zero(t, readings[len(readings)-1].Value, "at the end nothing is old")
	assert.Greater(t, p.EndWithin(), time.Minute, "Prometheus's default is a scrape each minute")
}

func TestPromQL_saysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		api  *prometheusAPI
		says string
	}{
		"no series":      {&prometheusAPI{now: 1}, `it has no series {__name__="vllm:num_requests_running", job="vllm"}; is the selector right`},
		"no access":      {&prometheusAPI{status: 401}, "401: access is refused; set VLLM_PROMETHEUS_TOKEN"},
		"a bad selector": {&prometheusAPI{status: 400, body: `{"status":"error","errorType":"bad_data","error":"parse error: unexpected '='"}`}, "it refuses the query: parse error: unexpected '='"},
		"a web page":     {&prometheusAPI{body: "<html>"}, "what came is no answer of Prometheus's HTTP API"},
		"a matrix":       {&prometheusAPI{body: `{"status":"success","data":{"resultType":"matrix","result":[]}}`}, "what came is no answer of Prometheus's HTTP API"},
		"a broken value": {&prometheusAPI{body: `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`}, "has no value that can be read"},
		"another status": {&prometheusAPI{status: 502, body: "bad gateway"}, "status 502"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := asks(t, c.api).Read(t.Context())
			require.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "Prometheus at http://127.0.0.1:")
			assert.NotContains(t, err.Error(), "t0ken")
		})
	}
	api := &prometheusAPI{now: 1000, engines: map[string]float64{"a:1": 1000, "b:1": 1000}}
	p := asks(t, api)
	_, err := p.Read(t.Context())
	require.NoError(t, err)
	delete(api.engines, "b:1")
	_, err = p.Read(t.Context())
	assert.ErrorContains(t, err, "the engine b:1 is missing, and was there before")
}
