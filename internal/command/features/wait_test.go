package features_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/command"
	"github.com/vllmspec/vllmspec/mockvllm"
)

func TestTest_waitsForTheServer(t *testing.T) {
	mock, err := mockvllm.New(mockvllm.Config{Profile: mockvllm.Profiles()[0], Names: []string{"llama-3.1-8b"}})
	require.NoError(t, err)
	mock.Start()
	t.Cleanup(func() { mock.Close() })
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= 2 {
			assert.Empty(t, r.URL.RawQuery)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mock.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	dir := folder(t, quick)
	code, out, complaints := called(t, dir, "test", "--run", "One", "--url", server.URL, "--wait", "10m", "--unknown", "warn")
	assert.Equal(t, command.OK, code, out+complaints)
	assert.Contains(t, out, "waiting up to 10m0s for the server to answer")
	assert.Greater(t, asked.Load(), int64(12))

	asked.Store(0)
	code, out, complaints = called(t, dir, "test", "requests exactly 10", "--for", "10 requests", "--rate", "5", "--input", "16", "--output", "8", "--url", server.URL, "--wait", "10m", "--unknown", "warn")
	assert.Equal(t, command.OK, code, out+complaints)
	assert.Equal(t, 1, strings.Count(out, "waiting up to"))
}

func TestTest_waitEnds(t *testing.T) {
	dir := folder(t, quick)
	code, out, complaints := called(t, dir, "test", "--run", "One", "--url", "http://someone:pass-word@127.0.0.1:1?key=se-cret", "--wait", "300ms")
	assert.Equal(t, command.Failed, code)
	assert.Contains(t, out+complaints, "127.0.0.1:1")
	assert.NotContains(t, out+complaints, "pass-word")
	assert.NotContains(t, out+complaints, "se-cret")
	assert.Contains(t, out+complaints, "did not answer within the 300ms of --wait")
	assert.Contains(t, out+complaints, "connection refused")

	code, out, complaints = called(t, dir, "test", "--run", "One", "--wait", "1m")
	assert.Equal(t, command.Wrong, code)
	assert.Contains(t, out+complaints, "--wait is for a server at an address, and none is named")
}
