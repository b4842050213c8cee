package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/credentials"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// TestEngine_isTheOneThatTheAnswerNames holds, over both ways in which requests are carried, what is taken for the
// name of an engine.
func TestEngine_isTheOneThatTheAnswerNames(t *testing.T) {
	for name, c := range map[string]struct {
		setting string // header that the user named
		sent    http.Header
		engine  string
	}{
		"no header":               {"", nil, ""},
		"AIBrix":                  {"", http.Header{"Target-Pod": {"10.0.0.7:8000"}}, "10.0.0.7:8000"},
		"LiteLLM":                 {"", http.Header{"X-Litellm-Model-Api-Base": {"http://user:secret@vllm-0:8000/v1"}, "X-Litellm-Model-Id": {"3f2a"}}, "vllm-0:8000"},
		"LiteLLM, an id alone":    {"", http.Header{"X-Litellm-Model-Id": {"3f2a"}}, "3f2a"},
		"a URL without its port":  {"", http.Header{"X-Backend-Server": {"https://Engine.example"}}, "engine.example:443"},
		"nginx tried two":         {"", http.Header{"X-Upstream-Addr": {"10.0.0.7:8000, 10.0.0.8:8000"}}, "10.0.0.8:8000"},
		"nginx went to a group":   {"", http.Header{"X-Upstream": {"10.0.0.7:8000 : 10.0.0.9:8000"}}, "10.0.0.9:8000"},
		"nginx had none":          {"", http.Header{"X-Upstream": {"-"}}, ""},
		"IPv6":                    {"", http.Header{"X-Upstream": {"[fd00::7]:8000"}}, "[fd00::7]:8000"},
		"twice: the last":         {"", http.Header{"X-Upstream": {"a:1", "b:1"}}, "b:1"},
		"a user and a password":   {"", http.Header{"X-Upstream": {"user:pw@Host:80"}}, "host:80"},
		"an @ in the password":    {"", http.Header{"X-Upstream": {"user:p@w@vllm-1"}}, "vllm-1"},
		"a header of one's own":   {"X-Pod", http.Header{"X-Pod": {"vllm-1"}, "Target-Pod": {"10.0.0.7:8000"}}, "vllm-1"},
		"that is not there":       {"X-Pod", http.Header{"Target-Pod": {"10.0.0.7:8000"}}, ""},
		"a text that is no name":  {"", http.Header{"X-Upstream": {strings.Repeat("engine", 50)}}, ""},
		"a key in it is not kept": {"X-Pod", http.Header{"X-Pod": {"sk-very-secret"}}, "…"},
	} {
		for _, over := range []string{"our own engine", "net/http"} {
			t.Run(name+" over "+over, func(t *testing.T) {
				var refuses atomic.Bool
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for field, values := range c.sent {
						w.Header()[field] = values
					}
					if refuses.Load() {
						http.Error(w, "no", http.StatusServiceUnavailable)
						return
					}
					answerShort(w, r)
				}))
				defer server.Close()
				at := &openai.Client{Endpoint: client.Endpoint{URL: server.URL, EngineHeader: c.setting, Token: credentials.Fixed("sk-very-secret")}}
				if over == "net/http" {
					at.Transport = new(http.Transport)
				}
				defer at.Close()
				headers, _ := hear(t, at)
				assert.Equal(t, c.engine, headers.Replica)

				refuses.Store(true)
				for _, err := range at.Ask(t.Context(), harness.Prompt{Text: "a"}) {
					asked, ok := errors.AsType[*harness.AskError](err)
					require.True(t, ok, "%v", err)
					assert.Equal(t, c.engine, asked.Replica, "of a request that failed too")
				}
			})
		}
	}
}

// TestEngine_goesBeforeTheGatewayThatWasAsked has two gateways, of which one names its engine.
func TestEngine_goesBeforeTheGatewayThatWasAsked(t *testing.T) {
	naming := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Upstream", "10.0.0.7:8000")
		answerShort(w, r)
	}))
	defer naming.Close()
	silent := httptest.NewServer(http.HandlerFunc(answerShort))
	defer silent.Close()
	fleet := openai.NewFleet(&openai.Client{Endpoint: client.Endpoint{URL: naming.URL}}, &openai.Client{Endpoint: client.Endpoint{URL: silent.URL}})
	defer fleet.Close()
	var engines []string
	for range 2 {
		for chunk, err := range fleet.Ask(t.Context(), harness.Prompt{Text: "a"}) {
			require.NoError(t, err)
			if chunk.Headers {
				engines = append(engines, chunk.Replica)
			}
		}
	}
	assert.Equal(t, []string{"10.0.0.7:8000", silent.URL}, engines)
}

// TestEngine_isThatOfAStreamThatBreaks has two gateways that name their engine, and break the stream in its middle.
func TestEngine_isThatOfAStreamThatBreaks(t *testing.T) {
	breaking := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Upstream", "10.0.0.7:8000")
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer breaking.Close()
	fleet := openai.NewFleet(&openai.Client{Endpoint: client.Endpoint{URL: breaking.URL}}, &openai.Client{Endpoint: client.Endpoint{URL: breaking.URL}})
	defer fleet.Close()
	scenario := harness.Scenario{Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 8}, Answer: dataset.Length{Mean: 8}}, Load: harness.Closed{Users: 1, Requests: 2}}
	run, err := harness.Runner{Client: fleet}.Run(t.Context(), scenario)
	require.NoError(t, err)
	requests := 0
	for r := range run.Records {
		requests++
		assert.True(t, r.Failed())
		assert.Len(t, r.Chunks, 1, "it broke in its middle: %s", r.Error)
		assert.Equal(t, "10.0.0.7:8000", r.Replica)
	}
	assert.Equal(t, 2, requests)
}
