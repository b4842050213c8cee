package openai

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
)

// A Fleet asks the replicas of one server in turn. It does not look for the one
// with the least to do: each gets the same load, and a slow one shows.
type Fleet struct {
	Replicas []*Client // at least one
	asked    atomic.Uint64
}

// Ask sends the prompt to the next replica and says which one it was, where there
// are several.
func (f *Fleet) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	if len(f.Replicas) == 1 {
		return f.Replicas[0].Ask(ctx, p)
	}
	return func(yield func(harness.Chunk, error) bool) {
		c := f.Replicas[int((f.asked.Add(1)-1)%uint64(len(f.Replicas)))]
		name := c.where()
		for chunk, err := range c.Ask(ctx, p) {
			if err != nil {
				err = at(err, name)
			} else if chunk.Headers {
				chunk.Replica = name
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// at is an error that says which replica it came from.
func at(err error, name string) error {
	if asked, ok := err.(*harness.AskError); ok {
		with := *asked
		with.Replica = name
		return &with
	}
	return &harness.AskError{Failure: harness.Malformed, Replica: name, Err: err}
}

// Prepare makes the body of a prompt before it is due: it is the same for all.
func (f *Fleet) Prepare(p harness.Prompt) harness.Prompt { return f.Replicas[0].Prepare(p) }

// Preflight finds out what [Client.Preflight] does, of every replica, and that
// they all serve one model, which is asked for from then on.
func (f *Fleet) Preflight(ctx context.Context) (Server, error) {
	var all Server
	for i, c := range f.Replicas {
		one, err := c.Preflight(ctx)
		if err != nil {
			return Server{}, err
		}
		switch {
		case i == 0:
			all = one
		case one.Model != all.Model:
			return Server{}, fmt.Errorf("the server at %s serves %q and the one at %s %q; replicas serve one model: set VLLM_MODEL to one that all of them have", f.Replicas[0].where(), all.Model, c.where(), one.Model)
		case one.MaxModelLen > 0:
			all.MaxModelLen = min(all.MaxModelLen, one.MaxModelLen)
		}
		c.Model = one.Model
	}
	return all, nil
}

// Warm opens connections for so many requests in flight over all replicas.
func (f *Fleet) Warm(ctx context.Context, requests int) error {
	for _, c := range f.Replicas {
		if err := c.Warm(ctx, (requests+len(f.Replicas)-1)/len(f.Replicas)); err != nil {
			return err
		}
	}
	return nil
}

// CountTokens asks all of them how many tokens each chunk holds.
func (f *Fleet) CountTokens(yes bool) {
	for _, c := range f.Replicas {
		c.CountTokens = yes
	}
}

// Close closes the connections that nobody uses.
func (f *Fleet) Close() {
	for _, c := range f.Replicas {
		c.Close()
	}
}
