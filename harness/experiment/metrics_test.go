package experiment

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/server"
)

// scrapedOnce is an endpoint whose engine was scraped once by a Prometheus server, and never again; and how many
// connections to that are open.
func scrapedOnce(t *testing.T) (*endpoint, *atomic.Int64) {
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a:1"},"value":[1000,"990"]}]}}`)
	}))
	connections := new(atomic.Int64)
	api.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed:
			connections.Add(-1)
		}
	}
	api.Start()
	t.Cleanup(api.Close)
	s := &server.Server{URL: "http://gateway", Remote: true}
	on := &endpoint{Server: s, client: openai.NewFleet(&openai.Client{Endpoint: client.Endpoint{URL: s.URL}})}
	on.of = &Experiment{session: &Session{Place: Place{URLs: []string{s.URL}, Prometheus: sampler.PrometheusServer{URL: api.URL}}}}
	return on, connections
}

func TestServerMetrics_ofPrometheusLeaveNoConnection(t *testing.T) {
	on, connections := scrapedOnce(t)
	metrics, done := on.serverMetrics(t.Context(), nil)
	_, err := metrics.Read(t.Context())
	require.ErrorContains(t, err, "is 10.0 s old")
	assert.EqualValues(t, 1, connections.Load())
	done()
	assert.Eventually(t, func() bool { return connections.Load() == 0 }, time.Minute, time.Millisecond)
}

// TestServerMetrics_waitForNoScrapeWhereTimeIsOver holds that neither an interrupt nor the time for storing is waited through.
func TestServerMetrics_waitForNoScrapeWhereTimeIsOver(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for name, c := range map[string]struct {
		ctx      context.Context
		deadline time.Time
	}{
		"an interrupt":             {interrupted, time.Time{}},
		"the deadline of the test": {t.Context(), time.Now().Add(storing)},
	} {
		on, _ := scrapedOnce(t)
		on.of.session.Deadline = c.deadline
		metrics, done := on.serverMetrics(c.ctx, nil)
		began := time.Now()
		_, err := metrics.ReadAtEnd(t.Context())
		assert.ErrorContains(t, err, "a:1 was not scraped again", name)
		assert.Less(t, time.Since(began), metrics.EndWithin()/2, name)
		done()
	}
}

// TestFitsDeadline_countsWhatPrometheusIsWaitedFor holds what a load takes, beside itself, against the time that is left.
func TestFitsDeadline_countsWhatPrometheusIsWaitedFor(t *testing.T) {
	plan := Plan{Scenario: harness.Scenario{Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: time.Minute}}}
	loads := []time.Duration{time.Minute, time.Minute}
	on, _ := scrapedOnce(t)
	session := on.of.session
	session.Deadline = time.Now().Add(5 * time.Minute)
	err := session.fitsDeadline(plan, loads)
	require.ErrorContains(t, err, "the 2 loads of 2m5s in all, up to 5m0s of waiting for Prometheus to scrape the engines and its grace of 1m0s do not fit into the 5m0s")

	run := &trial{of: on.of, scenario: plan.Scenario}
	runner := new(harness.Runner)
	run.awaits(runner)
	assert.Equal(t, session.Deadline.Add(-storing-75*time.Second), runner.Deadline, "the last scrape is awaited after the last answer")

	session.Place.Prometheus = sampler.PrometheusServer{}
	assert.NoError(t, session.fitsDeadline(plan, loads))
	run.awaits(runner)
	assert.Equal(t, session.Deadline.Add(-storing), runner.Deadline)
}
