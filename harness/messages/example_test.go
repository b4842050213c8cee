package messages_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/messages"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A client asks one prompt, and yields the answer as it comes.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Red\"}}\n\n",
			"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}\n\n",
			"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
	}))
	defer server.Close()
	c := messages.New(&openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"})
	defer c.Close()
	for chunk, err := range c.Ask(context.Background(), harness.Prompt{Text: "Which fox?", MaxTokens: 2}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Content():
			fmt.Printf("%q\n", chunk.Text)
		case chunk.Finish != "":
			fmt.Println(chunk.Finish, chunk.Usage.OutputTokens, "token")
		}
	}
	// Output:
	// "Red"
	// stop 1 token
}
