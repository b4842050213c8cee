package client

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
)

// A Replica is one of several servers that a [Fleet] asks.
type Replica interface {
	harness.Client
	harness.Preparer
	Where() string
	Warm(ctx context.Context, requests int) error
	Remarks() []string
	Close()
}

// A Fleet asks the replicas of one server in turn (round robin, not by least load): each
// gets the same load, so that a slow one shows.
type Fleet[R Replica] struct {
	Replicas []R // at least one
	asked    atomic.Uint64
}

// Ask sends the prompt to the next replica and says which one it was, where there
// are several.
func (f *Fleet[R]) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	if len(f.Replicas) == 1 {
		return f.Replicas[0].Ask(ctx, p)
	}
	return func(yield func(harness.Chunk, error) bool) {
		c := f.Replicas[int((f.asked.Add(1)-1)%uint64(len(f.Replicas)))]
		name := c.Where()
		for chunk, err := range c.Ask(ctx, p) {
			if err != nil {
				err = at(err, name)
			} else if chunk.Headers {
				chunk.Replica = cmp.Or(chunk.Replica, name) // the engine behind it, where it names one
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// at is an error that says which replica it came from.
func at(err error, name string) error {
	if asked := (*harness.AskError)(nil); errors.As(err, &asked) {
		with := *asked
		with.Replica = cmp.Or(with.Replica, name)
		return &with
	}
	return &harness.AskError{Failure: harness.Malformed, Replica: name, Err: err}
}

// Prepare makes the body of a prompt before it is due: it is the same for all.
func (f *Fleet[R]) Prepare(p harness.Prompt) harness.Prompt { return f.Replicas[0].Prepare(p) }

// Warm opens connections for so many requests in flight over all replicas.
func (f *Fleet[R]) Warm(ctx context.Context, requests int) error {
	for _, c := range f.Replicas {
		if err := c.Warm(ctx, (requests+len(f.Replicas)-1)/len(f.Replicas)); err != nil {
			return err
		}
	}
	return nil
}

// Remarks are those of all replicas, each once.
func (f *Fleet[R]) Remarks() []string {
	var all []string
	for _, c := range f.Replicas {
		for _, said := range c.Remarks() {
			if !slices.Contains(all, said) {
				all = append(all, said)
			}
		}
	}
	return all
}

// Close closes the connections that are not in use.
func (f *Fleet[R]) Close() {
	for _, c := range f.Replicas {
		c.Close()
	}
}
