package interfaces_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/interfaces"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func ExampleNamed() {
	in, _ := interfaces.Named("embeddings")
	fmt.Println(in.Takes, "at", in.Paths[0])
	_, err := interfaces.Named("embedings")
	fmt.Println(err)
	// Output:
	// texts at /v1/embeddings
	// "embedings" is no interface that can be asked for; did you mean "embeddings"?; there are "completions", "chat", "responses", "messages", "generate", "embeddings", "classify", "pooling", "score", "rerank", "transcriptions" and "translations"
}

// server answers POSTs to its paths, and lists a model.
func server(t *testing.T, paths map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":[{"id":"tiny"}]}`) })
	for path, handle := range paths {
		mux.HandleFunc(path, handle)
	}
	at := httptest.NewServer(mux)
	t.Cleanup(at.Close)
	return at.URL
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); io.WriteString(w, body) }
}

func fleet(t *testing.T, urls ...string) *openai.Fleet {
	t.Helper()
	f := openai.NewFleet()
	for _, url := range urls {
		f.Replicas = append(f.Replicas, &openai.Client{Endpoint: client.Endpoint{URL: url}})
	}
	t.Cleanup(f.Close)
	return f
}

const vector, score = `{"data":[{"index":0,"embedding":[1]}]}`, `{"data":[{"index":0,"score":1}]}`

var one = harness.Prompt{Text: "fox", Inputs: []harness.Input{{Text: "a fox"}}}

func TestReach_asksAtThePathThatTheServerHas(t *testing.T) {
	in, err := interfaces.Named(interfaces.Score)
	require.NoError(t, err)
	at := server(t, map[string]http.HandlerFunc{"POST /score": says(200, score)})
	asks, about, err := in.Reach(t.Context(), fleet(t, at, at), one)
	require.NoError(t, err)
	assert.Equal(t, "tiny", about.Model)
	assert.Positive(t, about.Answered)
	pooled, replicas := 0, map[string]bool{}
	for range 2 {
		for chunk, err := range asks.Ask(t.Context(), asks.(harness.Preparer).Prepare(one)) {
			require.NoError(t, err)
			pooled += chunk.Pooled
			replicas[chunk.Replica] = true
		}
	}
	assert.Equal(t, 2, pooled)
	assert.True(t, replicas[at])
}

func TestReach_namesWhatIsServed(t *testing.T) {
	for name, c := range map[string]struct {
		paths map[string]http.HandlerFunc
		says  string
	}{
		"by its description": {map[string]http.HandlerFunc{"GET /openapi.json": says(200, `{"paths":{"/v1/completions":{"post":{}},"/rerank":{"post":{}},"/v1/embeddings":{"get":{}}}}`)},
			`does not serve "embeddings", or not for this model (http 404: 404 page not found); it serves "completions" and "rerank"`},
		"by asking": {map[string]http.HandlerFunc{"POST /classify": says(400, `{"error":{"message":"input is missing"}}`), "POST /pooling": says(501, ""), "POST /v1/score": says(422, "{}")},
			`it serves "classify" and "score"`},
		"by its refusal": {map[string]http.HandlerFunc{"POST /v1/embeddings": says(400, `{"error":{"message":"The model does not support Embeddings API"}}`), "POST /v1/completions": says(400, "{}")},
			`(http 400: The model does not support Embeddings API); it serves "completions"`},
		"nothing": {nil, `(http 404: 404 page not found)`},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := interfaces.Named(interfaces.Embeddings)
			require.NoError(t, err)
			_, _, err = in.Reach(t.Context(), fleet(t, server(t, c.paths)), one)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestReach_aReplicaWithoutItIsNamed(t *testing.T) {
	in, err := interfaces.Named(interfaces.Embeddings)
	require.NoError(t, err)
	has, lacks := server(t, map[string]http.HandlerFunc{"POST /v1/embeddings": says(200, vector)}), server(t, nil)
	_, _, err = in.Reach(t.Context(), fleet(t, has, lacks), one)
	assert.ErrorContains(t, err, "the server at "+lacks+" does not serve")
}

func TestReach_otherErrorsAreNotTakenForAnInterfaceThatIsMissing(t *testing.T) {
	in, err := interfaces.Named(interfaces.Embeddings)
	require.NoError(t, err)
	at := server(t, map[string]http.HandlerFunc{"POST /v1/embeddings": says(500, `{"error":{"message":"engine is dead"}}`)})
	_, _, err = in.Reach(t.Context(), fleet(t, at), one)
	assert.ErrorContains(t, err, `a first request over "embeddings" to the server at `+at+` did not succeed: http 500: engine is dead`)
}

func TestReach_saysHowVLLMServesTokens(t *testing.T) {
	in, err := interfaces.Named(interfaces.Generate)
	require.NoError(t, err)
	const refusal = "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them."
	at := server(t, map[string]http.HandlerFunc{"POST /inference/v1/generate": says(403, `{"error":{"message":"`+refusal+`","type":"PermissionDeniedError","param":null,"code":403}}`)})
	_, _, err = in.Reach(t.Context(), fleet(t, at), harness.Prompt{TokenIDs: []int{1}})
	assert.ErrorContains(t, err, `a first request over "generate" to the server at `+at+` did not succeed: http 403: `+refusal)
}

func TestAll_areToldApart(t *testing.T) {
	names, paths := map[string]bool{}, map[string]bool{}
	for _, in := range interfaces.All() {
		assert.False(t, names[in.Name], in.Name)
		names[in.Name] = true
		require.NotEmpty(t, in.Paths, in.Name)
		for _, path := range in.Paths {
			assert.False(t, paths[path], path)
			paths[path] = true
		}
	}
}

func TestLacking_whatHasNoPlaceForImages(t *testing.T) {
	shows := harness.Prompt{MaxTokens: 4, TokenIDs: []int{1}, Media: []harness.Medium{{Kind: harness.Image}}}
	for _, name := range []string{interfaces.Completions, interfaces.Generate, interfaces.Embeddings, interfaces.Rerank, interfaces.Transcriptions} {
		in, err := interfaces.Named(name)
		require.NoError(t, err)
		assert.ErrorContains(t, in.Lacking(shows), "images cannot be sent over", name)
	}
	for _, name := range []string{interfaces.Chat, interfaces.Responses, interfaces.Messages} {
		in, err := interfaces.Named(name)
		require.NoError(t, err)
		assert.NoError(t, in.Lacking(shows), name)
	}
}

func TestChoose_holdsTheWorkloadToTheInterface(t *testing.T) {
	for _, c := range []struct{ task, over, chosen, says string }{
		{"", "", "", ""},
		{interfaces.Embeddings, "", "embeddings", ""},
		{interfaces.Embeddings, interfaces.Pooling, "pooling", ""},
		{interfaces.Embeddings, interfaces.Rerank, "", `texts are not asked over "rerank", which takes queries with documents`},
		{"", interfaces.Embeddings, "", `prompts or conversations that are answered are not asked over "embeddings", which takes texts`},
		{"", "embed", "", `"embed" is no interface that can be asked for`},
	} {
		chosen, err := interfaces.Choose(c.task, c.over, harness.Prompt{MaxTokens: 1})
		if c.says != "" {
			assert.ErrorContains(t, err, c.says)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.chosen, chosen.Name)
	}
}
