package experiment

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/server"
)

// silent takes connections and answers nothing.
func silent(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	return ours, nil
}

func TestRest_serverThatStopsReportingIsNotAtRest(t *testing.T) {
	for told, waited := range map[bool]time.Duration{true: restless, false: readingMost} {
		synctest.Test(t, func(t *testing.T) {
			s := &server.Server{URL: "http://silent"}
			on := &endpoint{Server: s, client: openai.NewFleet(&openai.Client{Endpoint: client.Endpoint{URL: s.URL, Dial: silent}})}
			defer on.client.Close()
			on.of = &Experiment{session: new(Session), group: &group{readable: map[*endpoint]bool{on: told}}}
			began := time.Now()
			metrics, done := on.serverMetrics(t.Context(), nil)
			defer done()
			_, err := on.of.group.awaitIdle(t.Context(), on, metrics)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.InDelta(t, waited.Seconds(), time.Since(began).Seconds(), 1.5)
		})
	}
}

func TestRest_silentExporterHoldsNoRunUp(t *testing.T) {
	over := make(chan struct{})
	exporter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer exporter.Close()
	defer close(over)
	s := &server.Server{URL: exporter.URL, Remote: true}
	on := &endpoint{Server: s, client: openai.NewFleet(&openai.Client{Endpoint: client.Endpoint{URL: s.URL}})}
	defer on.client.Close()
	on.of = &Experiment{session: &Session{Place: Place{GPUsURLs: []string{exporter.URL}}}}
	run := &trial{of: on.of, on: on}
	b := run.sample(t.Context())
	defer b.close()
	assert.Empty(t, b.gpus())
	assert.Empty(t, run.scenario.Labels["gpu"])
}
