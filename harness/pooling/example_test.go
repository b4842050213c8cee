package pooling_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/pooling"
)

// A client sends several texts, and gets one answer with a vector for each.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"data":[{"index":0,"embedding":[0.6,0.8]},{"index":1,"embedding":[1,0]}],"usage":{"prompt_tokens":5,"total_tokens":5}}`)
	}))
	defer server.Close()
	c := &pooling.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"}, Task: pooling.Embed()}
	defer c.Close()
	for chunk, err := range c.Ask(context.Background(), harness.Prompt{Inputs: []harness.Input{{Text: "a fox"}, {Text: "a hound"}}}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Content():
			fmt.Println(chunk.Pooled, "vectors of", chunk.Usage.PromptTokens, "tokens")
		}
	}
	// Output: 2 vectors of 5 tokens
}
