package http1_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/vllmspec/vllmspec/harness/http1"
)

// A pool asks one server, and hands an answer on piece by piece.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "Red fox") }))
	defer server.Close()
	pool := &http1.Pool{Address: server.Listener.Addr().String()}
	defer pool.Close()
	answer, err := pool.Ask(context.Background(), []byte("POST / HTTP/1.1\r\nHost: a\r\n"), []byte("{}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	piece, _ := answer.Next()
	arrived, _ := answer.Last()
	fmt.Println(answer.Status, string(piece), arrived.After(answer.Sent))
	answer.Leave(time.Second) // the connection can be used again
	// Output:
	// 200 Red fox true
}
