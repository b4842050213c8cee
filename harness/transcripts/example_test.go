package transcripts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/transcripts"
)

// A clip goes there, and what is said in it comes back piece by piece.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n", r.FormValue("model"))
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\" speaking\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	defer server.Close()
	c := &transcripts.Client{Client: &openai.Client{Endpoint: client.Endpoint{URL: server.URL}, Model: "whisper"}}
	defer c.Close()
	for chunk, err := range c.Ask(context.Background(), harness.Prompt{Media: []harness.Medium{{Kind: harness.Clip, Length: time.Second}}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(chunk.Text)
	}
	// Output: whisper speaking
}
