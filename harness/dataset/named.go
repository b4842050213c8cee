package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
)

// A Named dataset is one of another package, under the name that scenarios give it. Its answers may get a bound.
type Named struct {
	Name      string
	Dataset   harness.Dataset
	MaxTokens int  // bound of every answer; 0: that of each prompt
	IgnoreEOS bool // every answer runs to the bound
}

func (n Named) String() string { return describe(n.Name, n.MaxTokens, n.IgnoreEOS) }

// Conversations implements [harness.Dataset].
func (n Named) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	all, err := n.Dataset.Conversations(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.Name, err)
	}
	if n.MaxTokens == 0 {
		return all, nil
	}
	return func(yield func(harness.Conversation) bool) {
		for c := range all {
			turns := make([]harness.Prompt, len(c.Turns))
			for i, turn := range c.Turns {
				turn.MaxTokens, turn.IgnoreEOS = n.MaxTokens, n.IgnoreEOS
				turns[i] = turn
			}
			c.Turns = turns
			if !yield(c) {
				return
			}
		}
	}, nil
}

// Turns is the most that some of its conversations have. A dataset without any is an error, and so is one whose
// first conversation asks nothing.
func (n Named) Turns() (most int, err error) {
	const some = 64
	all, err := n.Dataset.Conversations(rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", n.Name, err)
	}
	looked := 0
	for c := range all {
		if c.Err != nil {
			return 0, fmt.Errorf("%s: %w", n.Name, c.Err)
		}
		most = max(most, len(c.Turns))
		if looked++; looked == some {
			break
		}
	}
	if most == 0 {
		return 0, fmt.Errorf("%s: it has no conversations", n.Name)
	}
	return most, nil
}
