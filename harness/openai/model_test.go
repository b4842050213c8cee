package openai_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/openai"
)

// listing is a server that lists models, and what it may say of itself in a header.
func listing(t *testing.T, cards, header string) *openai.Client {
	t.Helper()
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/models":
			io.WriteString(w, `{"data":[`+cards+`]}`)
		case "/version":
			if header != "" {
				w.Header().Set(header, "1")
			}
			io.WriteString(w, `{"version":"0.32.0"}`)
		default:
			stream(fox, done)(w, r)
		}
	})
	c.Model = ""
	return c
}

func TestMock_isRecognizedByItsHeader(t *testing.T) {
	for header, mock := range map[string]bool{"": false, "X-Mockvllm": true, "X-Other": false} {
		server, err := listing(t, `{"id":"llama"}`, header).Preflight(t.Context())
		require.NoError(t, err)
		assert.Equal(t, mock, server.Mock, "%q", header)
	}
}

func TestModel_namedByTheFeatureIsAskedFor(t *testing.T) {
	const cards = `{"id":"qwen3-8b"},{"id":"llama-3.1-8b-sql","parent":"meta-llama/Llama-3.1-8B"},{"id":"meta-llama/Llama-3.1-8B","root":"meta-llama/Llama-3.1-8B","parent":null}`
	for _, c := range []struct{ model, named, measured, says string }{
		{"", "", "qwen3-8b", ""},
		{"", "llama-3.1-8b", "meta-llama/Llama-3.1-8B", ""},
		{"", "llama-3.1-8b-sql", "llama-3.1-8b-sql", ""},
		{"qwen3-8b", "llama-3.1-8b", "qwen3-8b", ""},
		{"", "mistral-7b", "", `the feature names the model "mistral-7b", and the server at http://`},
		{"qwen3-9b", "llama-3.1-8b", "qwen3-9b", ""},
	} {
		client := listing(t, cards, "")
		client.Model, client.Named = c.model, c.named
		server, err := client.Preflight(t.Context())
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.measured, server.Model)
	}
}

// TestFleet_replicasServeTheNamedModel has two replicas that list it at other places.
func TestFleet_replicasServeTheNamedModel(t *testing.T) {
	one, two := listing(t, `{"id":"a"},{"id":"llama-3.1-8b"}`, ""), listing(t, `{"id":"llama-3.1-8b"},{"id":"a"}`, "X-Mockvllm")
	one.Named, two.Named = "llama-3.1-8b", "llama-3.1-8b"
	server, err := (openai.NewFleet(one, two)).Preflight(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "llama-3.1-8b", server.Model)
	assert.True(t, server.Mock, "one of them is")
}
