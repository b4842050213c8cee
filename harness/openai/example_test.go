package openai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A client asks one prompt, and yields the answer as it comes.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"choices\":[{\"text\":\"Red \"}]}\n\n", "data: {\"choices\":[{\"text\":\"fox\",\"finish_reason\":\"stop\"}]}\n\n",
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n", "data: [DONE]\n\n")
	}))
	defer server.Close()
	c := &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"}
	defer c.Close()
	for chunk, err := range c.Ask(context.Background(), harness.Prompt{Text: "Which fox?", MaxTokens: 2}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Content():
			fmt.Printf("%q\n", chunk.Text)
		case chunk.Usage != nil:
			fmt.Println(chunk.Usage.OutputTokens, "tokens")
		}
	}
	// Output:
	// "Red "
	// "fox"
	// 2 tokens
}
