package sampler_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	foreign string             // instance of another program
	job     string             // of a second series of each engine
	asked   []string
	onQuery func(*prometheusAPI)
	status  int
	body    string // in place of an answer
	silent  bool
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
			for _, job := range slices.Compact([]string{"vllm", cmp.Or(p.job, "vllm")}) {
				labels := map[string]string{"instance": instance, "model_name": "m", "engine": "0", "job": job}
				if name != "" {
					labels["__name__"] = name
				}
				result = append(result, map[string]any{"metric": labels, "value": []any{p.now, fmt.Sprint(value)}})
			}
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
	if p.foreign != "" && !strings.HasPrefix(query, "timestamp(") {
		for _, name := range []string{"process_start_time_seconds", "http_requests_total"} {
			result = append(result, map[string]any{"metric": map[string]string{"__name__": name, "instance": p.foreign}, "value": []any{p.now, "7"}})
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": result}})
}

// RoundTrip answers without a connection, so that time can be virtual.
func (p *prometheusAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	silent := p.silent
	p.mu.Unlock()
	if silent {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func asks(api *prometheusAPI) *sampler.PromQL {
	return &sampler.PromQL{Server: sampler.PrometheusServer{URL: "http://127.0.0.1:9090/prom", Token: "t0ken", HTTP: &http.Client{Transport: api}}, Selector: `{job="vllm",}`}
}

func TestPromQL_readsEveryEngineByItself(t *testing.T) {
	api := &prometheusAPI{now: 1000, engines: map[string]float64{"10.0.0.7:8000": 999.5, "10.0.0.8:8000": 999.2}, foreign: "prometheus:9090"}
	p := asks(api)
	_, err := p.Read(t.Context())
	require.NoError(t, err)
	api.asked = nil
	readings, err := p.Read(t.Context())
	require.NoError(t, err, "what is no engine is not missing")
	finished := map[string]float64{}
	for _, r := range readings {
		if r.Series == vllm.RequestSuccess {
			finished[r.Labels["replica"]] = r.Value
		}
		assert.NotContains(t, []string{"up", "vllm:request_success_created", "process_start_time_seconds", "http_requests_total"}, r.Series)
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
	p := asks(api)
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
		"two jobs":       {&prometheusAPI{now: 1, engines: map[string]float64{"a:1": 1}, job: "pods"}, `a:1 is scraped twice, with job="pods" and with job="vllm"; narrow VLLM_PROMETHEUS_SELECTOR`},
		"no access":      {&prometheusAPI{status: 401}, "401: access is refused; set VLLM_PROMETHEUS_TOKEN"},
		"a bad selector": {&prometheusAPI{status: 400, body: `{"status":"error","errorType":"bad_data","error":"parse error: unexpected '='"}`}, "it refuses the query: parse error: unexpected '='"},
		"a web page":     {&prometheusAPI{body: "<html>"}, "what came is no answer of Prometheus's HTTP API"},
		"a matrix":       {&prometheusAPI{body: `{"status":"success","data":{"resultType":"matrix","result":[]}}`}, "what came is no answer of Prometheus's HTTP API"},
		"a broken value": {&prometheusAPI{body: `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`}, "has no value that can be read"},
		"another status": {&prometheusAPI{status: 502, body: "bad gateway"}, "status 502"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := asks(c.api).Read(t.Context())
			require.ErrorContains(t, err, c.says)
			assert.ErrorContains(t, err, "Prometheus at http://127.0.0.1:")
			assert.NotContains(t, err.Error(), "t0ken")
		})
	}
	api := &prometheusAPI{now: 1000, engines: map[string]float64{"a:1": 1000, "b:1": 1000}}
	p := asks(api)
	_, err := p.Read(t.Context())
	require.NoError(t, err)
	delete(api.engines, "b:1")
	_, err = p.Read(t.Context())
	assert.ErrorContains(t, err, "the engine b:1 is missing, and was there before")
}

// TestPromQL_onlyWhatStaysEndsTheWait holds that errors which pass are waited out at an end of the run, that others are not,
// and that the last one is reported where none passes.
func TestPromQL_onlyWhatStaysEndsTheWait(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*prometheusAPI)
		passes bool
		waited float64 // s, where it does not pass
		says   string
	}{
		"a proxy's error":      {func(api *prometheusAPI) { api.status, api.body = 502, "bad gateway" }, true, 75, "no new scrape of every engine came in 75 s: status 502"},
		"a query that is late": {func(api *prometheusAPI) { api.status, api.body = 503, `{"status":"error","error":"query timed out"}` }, true, 75, "it refuses the query: query timed out"},
		"a scrape that failed": {func(api *prometheusAPI) { delete(api.engines, "b:1") }, true, 75, "the engine b:1 is missing"},
		"no answer":            {func(api *prometheusAPI) { api.silent = true }, true, 75, "it does not answer"},
		"no scrape":            {func(*prometheusAPI) {}, true, 75, "no new scrape of every engine came in 75 s: a:1 was not scraped again"},
		"no access":            {func(api *prometheusAPI) { api.status = 403 }, false, 0, "403: access is refused"},
		"a bad selector":       {func(api *prometheusAPI) { api.status, api.body = 400, `{"status":"error","error":"parse error"}` }, false, 0, "it refuses the query: parse error"},
		"a web page":           {func(api *prometheusAPI) { api.body = "<html>" }, false, 0, "no answer of Prometheus's HTTP API"},
		"two jobs":             {func(api *prometheusAPI) { api.job = "pods" }, false, 0, "scraped twice"},
	} {
		for _, mended := range []bool{true, false} {
			t.Run(fmt.Sprint(name, mended), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					api := &prometheusAPI{now: 1000, engines: map[string]float64{"a:1": 999.8, "b:1": 999.9}}
					p := asks(api)
					_, err := p.Read(t.Context())
					require.NoError(t, err)
					c.breaks(api)
					began := time.Now()
					if mended {
						time.AfterFunc(20*time.Second, func() {
							api.mu.Lock()
							defer api.mu.Unlock()
							api.status, api.body, api.silent, api.job = 0, "", false, ""
							api.now, api.engines = 1100, map[string]float64{"a:1": 1099.9, "b:1": 1099.9}
							api.onQuery = func(api *prometheusAPI) { // each query is scraped at once
								api.now, api.engines["a:1"], api.engines["b:1"] = api.now+1, api.now+0.9, api.now+0.9
							}
						})
					}
					readings, err := p.ReadAtEnd(t.Context())
					waited := time.Since(began).Seconds()
					if mended && c.passes {
						require.NoError(t, err)
						assert.NotEmpty(t, readings)
						assert.InDelta(t, 25, waited, 6)
						return
					}
					require.ErrorContains(t, err, c.says)
					assert.NotErrorIs(t, err, context.DeadlineExceeded)
					assert.InDelta(t, c.waited, waited, 0.5)
				})
			})
		}
	}
}

// TestPromQL_waitsNoLongerThanTheProcessHas holds the wait at an end of the run against a deadline and an interrupt.
func TestPromQL_waitsNoLongerThanTheProcessHas(t *testing.T) {
	for name, c := range map[string]struct {
		until, interrupted time.Duration // from the start; 0: never
		waited             float64
	}{
		"a deadline":                {until: 10 * time.Second, waited: 10},
		"a deadline far off":        {until: time.Hour, waited: 75},
		"a deadline that is over":   {until: -time.Minute, waited: 1},
		"an interrupt":              {interrupted: 5 * time.Second, waited: 6},
		"an interrupt beforehand":   {interrupted: -time.Second, waited: 1},
		"a deadline, and interrupt": {until: 3 * time.Second, interrupted: 5 * time.Second, waited: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := asks(&prometheusAPI{now: 1000, engines: map[string]float64{"a:1": 999.9}})
				interrupted := make(chan struct{})
				p.Interrupted = interrupted
				if c.until != 0 {
					p.Until = time.Now().Add(c.until)
				}
				if c.interrupted != 0 {
					time.AfterFunc(c.interrupted, func() { close(interrupted) })
				}
				began := time.Now()
				_, err := p.ReadAtEnd(t.Context())
				require.ErrorContains(t, err, "a:1 was not scraped again")
				assert.InDelta(t, c.waited, time.Since(began).Seconds(), 0.2)
			})
		})
	}
}
