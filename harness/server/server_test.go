package server_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/mockvllm"
)

func TestParseURL_checksBaseAddresses(t *testing.T) {
	for raw, want := range map[string]string{
		"http://host:8000": "http://host:8000", "https://host/vllm/": "https://host/vllm", "http://host:8000/": "http://host:8000",
		"http://host/v1": "http://host", "http://host:8000/v1/": "http://host:8000", "https://host/vllm/v1": "https://host/vllm", "http://host/v1beta": "http://host/v1beta",
		"https://a.openai.azure.com/openai/deployments/chat/?api-version=2024-10-21": "https://a.openai.azure.com/openai/deployments/chat?api-version=2024-10-21", "http://host/?": "http://host", "http://host/v1?a=b": "http://host?a=b",
	} {
		got, err := server.ParseURL(raw)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for raw, says := range map[string]string{
		"host:8000":               "must begin with http://",
		"http://":                 "names no host",
		"127.0.0.1:40087":         `"127.0.0.1:40087" must begin with http:// or https://; write http://127.0.0.1:40087`,
		"gpu-box":                 "write http://gpu-box",
		"user:s3cret@host:8000":   "must begin with http://",
		"http://127.0.0.1:99999":  `"http://127.0.0.1:99999": the port is 99999; ports are 1 to 65535`,
		"http://host:0":           "the port is 0",
		"http://host/#a":          "without #",
		"://x":                    "is no URL",
		"ftp://user:s3cret@host/": "must begin with http://",
	} {
		_, err := server.ParseURL(raw)
		require.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

func TestCredentials_areNotShown(t *testing.T) {
	s, err := server.At("http://user:s3cret@host:8000")
	require.NoError(t, err)
	assert.Equal(t, "http://host:8000", s.Where())
	assert.True(t, s.Remote)
}

func health(t *testing.T, s *server.Server) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: s.Dial}}
	defer client.CloseIdleConnections()
	response, err := client.Get(s.URL + "/health")
	require.NoError(t, err)
	defer response.Body.Close()
	io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func TestMock_isTheSameInBothTimes(t *testing.T) {
	config := mockvllm.Config{Profile: mockvllm.Profiles()[0]}
	t.Run("over TCP", func(t *testing.T) {
		s, err := server.Mock(config)
		require.NoError(t, err)
		defer s.Close()
		assert.Equal(t, http.StatusOK, health(t, s))
		assert.False(t, s.Virtual)
	})
	t.Run("in virtual time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			s, err := server.Simulated(config)
			require.NoError(t, err)
			defer s.Close()
			assert.Equal(t, http.StatusOK, health(t, s))
			assert.True(t, s.Virtual)
			assert.Zero(t, time.Since(begun), "nothing but the mock's own steps takes time")
		})
	})
}
