package mockvllm_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/internal/stamp"
	"github.com/vllmspec/vllmspec/mockvllm"
)

func TestTruth_hasWhenARequestReachedTheSystem(t *testing.T) {
	for name, follow := range map[string]bool{"stamped": true, "not stamped": false} {
		t.Run(name, func(t *testing.T) {
			truths := make(chan mockvllm.Truth, 1)
			mock, err := mockvllm.New(mockvllm.Config{Profile: plain(), Truth: func(tr mockvllm.Truth) { truths <- tr }})
			require.NoError(t, err)
			mock.Start()
			defer mock.Close()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			server := httptest.NewUnstartedServer(mock)
			server.Listener.Close()
			server.Listener = listener
			if follow {
				server.Listener, server.Config.ConnContext = stamp.Listen(listener), mockvllm.ConnContext
			}
			server.Start()
			defer server.Close()
			response, err := http.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(`{"prompt":[1,2,3],"max_tokens":1,"stream":true}`))
			require.NoError(t, err)
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			truth := <-truths
			assert.Equal(t, follow && runtime.GOOS == "linux", !truth.Arrived.IsZero())
			assert.False(t, truth.Arrived.After(truth.Received))
			assert.False(t, truth.Received.IsZero())
		})
	}
}
