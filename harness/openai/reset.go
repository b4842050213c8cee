package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// ErrNoReset is that a server does not let its prefix cache be emptied.
var ErrNoReset = errors.New("the server does not let its prefix cache be emptied (vLLM does with VLLM_SERVER_DEV_MODE=1)")

// ResetCache empties the prefix cache of every replica, as vLLM's POST
// /reset_prefix_cache and SGLang's POST /flush_cache do. It is [ErrNoReset] where one has no such thing.
func (f *Fleet) ResetCache(ctx context.Context) error {
	for _, c := range f.Replicas {
		if err := c.resetCache(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) resetCache(ctx context.Context) error {
	path := c.software.EmptyCache
	switch {
	case c.software.Kind == "": // there was no preflight
		path = vllm.ResetPrefixCache
	case path == "":
		return ErrNoReset
	}
	r, err := c.Do(ctx, http.MethodPost, path)
	success := gjson.GetBytes(r.Body, "success")
	switch {
	case r.Status == 0:
		return fmt.Errorf("the prefix cache could not be emptied: %w", err)
	case r.Status == http.StatusBadRequest && c.software.Kind == servers.SGLang:
		return errors.New("the server could not empty its prefix cache: requests were on it")
	case r.Status != http.StatusOK:
		return ErrNoReset
	case success.Exists() && !success.Bool():
		return errors.New("the server could not empty its prefix cache: blocks of it were in use")
	}
	return nil
}
