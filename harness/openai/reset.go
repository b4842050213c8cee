package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tidwall/gjson"
)

// ErrNoReset is that a server does not let its prefix cache be emptied.
var ErrNoReset = errors.New("the server does not let its prefix cache be emptied (vLLM does with VLLM_SERVER_DEV_MODE=1)")

// ResetCache empties the prefix cache of every replica, as vLLM's POST
// /reset_prefix_cache does. It is [ErrNoReset] where one has no such thing.
func (f *Fleet) ResetCache(ctx context.Context) error {
	for _, c := range f.Replicas {
		if err := c.resetCache(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) resetCache(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	client := c.HTTP()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/reset_prefix_cache", nil)
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the prefix cache could not be emptied: %w", unwrapped(err))
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case response.StatusCode != http.StatusOK:
		return ErrNoReset
	case gjson.GetBytes(body, "success").Exists() && !gjson.GetBytes(body, "success").Bool():
		return errors.New("the server could not empty its prefix cache: blocks of it were in use")
	}
	return nil
}
