package dataset

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
)

// Salted is a dataset that is asked under one salt (vLLM's cache_salt): of what was asked
// under another one, by an earlier run say, nothing is found in the server's prefix cache,
// and what its own prompts have in common still is.
type Salted struct {
	harness.Dataset
	Salt string
}

func (d Salted) String() string { return fmt.Sprint(d.Dataset) }

// Count is how many different conversations there are.
func (d Salted) Count() (int, error) {
	return Count(d.Dataset)
}

// Count is how many different conversations a dataset has; the highest number where there is no end to them.
func Count(d harness.Dataset) (int, error) {
	if counted, ok := d.(interface{ Count() (int, error) }); ok {
		return counted.Count()
	}
	return math.MaxInt, nil
}

// Conversations implements [harness.Dataset].
func (d Salted) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	conversations, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	return func(yield func(harness.Conversation) bool) {
		for c := range conversations {
			if c.Err == nil {
				c = salted(c, d.Salt)
			}
			if !yield(c) {
				return
			}
		}
	}, nil
}
