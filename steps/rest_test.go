package steps

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

	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/server"
)

// silent takes connections and answers nothing.
func silent(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	return ours, nil
}

func TestAServerThatStopsTellingIsWaitedForAndNotTakenForOneAtRest(t *testing.T) {
	for told, waited := range map[bool]time.Duration{true: restless, false: readingMost} {
		synctest.Test(t, func(t *testing.T) {
			s := &server.Server{URL: "http://silent"}
			w := &world{suite: new(Suite), whole: &whole{told: map[*server.Server]bool{s: told}}}
			w.served = served{Server: s, client: &openai.Fleet{Replicas: []*openai.Client{{URL: s.URL, Dial: silent}}}}
			defer w.served.client.Close()
			began := time.Now()
			_, err := w.rest(t.Context(), w.serverMetrics())
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.InDelta(t, waited.Seconds(), time.Since(began).Seconds(), 1.5)
		})
	}
}

func TestAnExporterThatAnswersNothingHoldsNoRunUp(t *testing.T) {
	over := make(chan struct{})
	exporter := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer exporter.Close()
	defer close(over)
	s := &server.Server{URL: exporter.URL, Remote: true}
	w := &world{suite: &Suite{env: Environment{GPUsURL: exporter.URL}}}
	w.served = served{Server: s, client: &openai.Fleet{Replicas: []*openai.Client{{URL: s.URL}}}}
	defer w.served.client.Close()
	b := w.beside(t.Context())
	defer b.close()
	assert.Empty(t, b.gpus())
	assert.Empty(t, w.scenario.Labels["gpu"])
}
