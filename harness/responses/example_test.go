package responses_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/responses"
)

// A client asks one prompt, and yields the answer as it comes.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Red\"}\n\n",
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n")
	}))
	defer server.Close()
	c := responses.New(&openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "tiny"})
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
