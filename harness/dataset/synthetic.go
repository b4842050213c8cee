package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// Synthetic is prompts of random tokens, of an exact length, answered in an
// exact length. They are sent as token ids, so that their length in tokens is
// what was asked for whatever the server's tokenizer is; no two share a prefix
// unless they are of one group.
type Synthetic struct {
	Prompt, Answer Length
	Groups, Prefix int // prompts fall into so many groups; those of one begin with the same tokens, which come on top
}

func (d Synthetic) String() string {
	s := fmt.Sprintf("synthetic prompts of %s tokens, answered in %s tokens", d.Prompt, d.Answer)
	if d.Groups > 0 {
		s += fmt.Sprintf(", in %d groups that share a prefix of %d tokens", d.Groups, d.Prefix)
	}
	return s
}

// Conversations implements [harness.Dataset].
func (d Synthetic) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	for _, l := range []Length{d.Prompt, d.Answer} {
		if err := l.check(); err != nil {
			return nil, err
		}
	}
	if d.Groups < 0 || d.Prefix < 0 || (d.Groups == 0) != (d.Prefix == 0) {
		return nil, fmt.Errorf("%d groups that share %d tokens: both must be above 0", d.Groups, d.Prefix)
	}
	return func(yield func(harness.Conversation) bool) {
		for {
			ids := make([]int, d.Prefix+d.Prompt.draw(r))
			if d.Groups > 0 {
				tokens.Fill(ids[:d.Prefix], rand.New(rand.NewPCG(uint64(r.IntN(d.Groups)), 0x97ef1)))
			}
			tokens.Fill(ids[d.Prefix:], r)
			prompt := harness.Prompt{TokenIDs: ids, Tokens: len(ids), MaxTokens: d.Answer.draw(r), IgnoreEOS: true}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}
