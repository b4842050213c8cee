package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/limit"
	"github.com/vllmspec/vllmspec/internal/redact"
)

// sendTimeout is how long an answer may take that is no part of the load: a server that
// does not list its models soon is not there.
const sendTimeout = 15 * time.Second

// A Reply is an answer to a question that is no part of the load.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get asks for what stands under a path.
func (e *Endpoint) Get(ctx context.Context, path string) (Reply, error) {
	return e.Send(ctx, http.MethodGet, path, nil)
}

// Send asks a question that is no part of the load; a body is JSON. An answer that is longer than
// [limit.Body] is an error.
func (e *Endpoint) Send(ctx context.Context, method, path string, body io.Reader) (Reply, error) {
	r, err := e.send(ctx, method, path, body, limit.Body+1)
	if len(r.Body) > limit.Body {
		return Reply{}, &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("its answer to %s is longer than %d MiB", path, limit.Body>>20)}
	}
	return r, err
}

// Do sends a command, and reads no more of the answer than [limit.Stray].
func (e *Endpoint) Do(ctx context.Context, method, path string) (Reply, error) {
	return e.send(ctx, method, path, nil, limit.Stray)
}

// send asks, and reads a bounded number of bytes of the answer.
func (e *Endpoint) send(ctx context.Context, method, path string, body io.Reader, most int64) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	client := e.HTTP()
	if e.wrong != nil {
		return Reply{}, e.wrong
	}
	request, err := http.NewRequestWithContext(ctx, method, e.Address(path), body)
	if err != nil {
		return Reply{}, errors.New("the URL cannot be used")
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return Reply{}, unwrapped(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(io.LimitReader(response.Body, most))
	return Reply{response.StatusCode, response.Header, got}, err
}

// Where is the address without credentials.
func (e *Endpoint) Where() string { return redact.URL(e.URL) }
