package generate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/generate"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A client asks one prompt of token ids, and yields the ids of the answer as they come.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"request_id":"generate-tokens-1","choices":[{"index":0,"logprobs":null,"finish_reason":null,"token_ids":[700]}],"usage":null}`+"\n\n",
			`data: {"request_id":"generate-tokens-1","choices":[{"index":0,"logprobs":null,"finish_reason":"length","token_ids":[701]}],"usage":null}`+"\n\n",
			`data: {"request_id":"generate-tokens-1","choices":[],"usage":{"prompt_tokens":3,"total_tokens":5,"completion_tokens":2}}`+"\n\n", "data: [DONE]\n\n")
	}))
	defer server.Close()
	c := &generate.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"}}
	defer c.Close()
	for chunk, err := range c.Ask(context.Background(), harness.Prompt{TokenIDs: []int{5, 6, 7}, MaxTokens: 2}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Usage != nil:
			fmt.Println(chunk.Usage.OutputTokens, "tokens")
		case chunk.Content():
			fmt.Println(chunk.Text)
		}
	}
	// Output:
	// [700]
	// [701]
	// 2 tokens
}
