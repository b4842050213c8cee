package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
)

// whole is a wire format whose answers are plain text. One is whole when its body has ended.
type whole struct{}

func (whole) Read(from client.Body, _ string, _ int) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		for {
			piece, err := from.Next()
			at, waited := from.Last()
			if len(piece) > 0 && !yield(harness.Chunk{At: at, Waited: waited, Text: string(piece), Tokens: harness.Unreported}, nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(harness.Chunk{}, err)
				return
			}
		}
	}
}

func (whole) Complaint(body []byte) string { return string(body) }

// An endpoint carries any protocol: here one whose answers are plain text.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Red fox")
	}))
	defer server.Close()
	at := &client.Endpoint{URL: server.URL}
	defer at.Close()
	for chunk, err := range at.Stream(context.Background(), &client.Request{Path: "/answer", Body: []byte(`{}`), Most: 1 << 20}, whole{}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Headers:
			fmt.Println(chunk.HTTPStatus)
		default:
			fmt.Println(chunk.Text)
		}
	}
	// Output:
	// 200
	// Red fox
}
