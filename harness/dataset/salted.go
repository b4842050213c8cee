package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
)

// Salted is a dataset whose conversations find nothing in the server's prefix
// cache that another one left there: each has a salt of its own (vLLM's
// cache_salt). Run tells one run's salts from those of the run before.
type Salted struct {
	harness.Dataset
	Run string
}

func (d Salted) String() string { return fmt.Sprintf("%v, each with a cold cache", d.Dataset) }

// Conversations implements [harness.Dataset].
func (d Salted) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	conversations, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	salts := rand.New(rand.NewPCG(r.Uint64(), 0x5a17))
	return func(yield func(harness.Conversation) bool) {
		for c := range conversations {
			turns := make([]harness.Prompt, len(c.Turns))
			salt := fmt.Sprintf("%s-%016x", d.Run, salts.Uint64())
			for i, turn := range c.Turns {
				turn.CacheSalt = salt
				turns[i] = turn
			}
			c.Turns = turns
			if !yield(c) {
				return
			}
		}
	}, nil
}
