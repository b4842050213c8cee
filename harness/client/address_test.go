package client_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
)

// TestEndpoint_sendsItsQueryAndHostWithEachRequest asks over the engine of our own, and over net/http.
func TestEndpoint_sendsItsQueryAndHostWithEachRequest(t *testing.T) {
	t.Parallel()
	for _, overNet := range []bool{false, true} {
		var mu sync.Mutex
		var seen []string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, r.Host+" "+r.URL.RequestURI()+" "+r.Header.Get("api-key"))
		}))
		defer server.Close()
		e := &client.Endpoint{URL: server.URL + "/openai/deployments/chat?api-version=2024-10-21",
			Headers: []credentials.Header{{Name: "host", Value: "mine.example"}, {Name: "api-key", Value: "s3cret"}}}
		if overNet {
			e.Transport = http.DefaultTransport
		}
		_, err := e.Get(t.Context(), "/server_info?config_format=json")
		require.NoError(t, err)
		for range e.Stream(t.Context(), &client.Request{Path: "/v1/chat/completions", Body: []byte("{}")}, whole{}) {
		}
		e.Close()
		mu.Lock()
		assert.Equal(t, []string{
			"mine.example /openai/deployments/chat/server_info?config_format=json&api-version=2024-10-21 s3cret",
			"mine.example /openai/deployments/chat/chat/completions?api-version=2024-10-21 s3cret"}, seen, "over net/http: %v", overNet)
		mu.Unlock()
		assert.Equal(t, server.URL+"/openai/deployments/chat/metrics?api-version=2024-10-21", e.Address("/metrics"))
		assert.NotContains(t, e.Redact("the key is s3cret, and no other"), "s3cret")
	}
}
