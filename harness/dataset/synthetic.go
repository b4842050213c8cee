package dataset

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
)

// Synthetic is prompts of random tokens, of an exact length, answered in an
// exact length. They are sent as token ids, so that their length in tokens is
// what was asked for whatever the server's tokenizer is; no two share a prefix.
type Synthetic struct {
	Prompt, Answer Length
}

// A Length in tokens is drawn from a normal distribution, cut off at 1.
type Length struct {
	Mean, Deviation int
}

func (l Length) String() string {
	if l.Deviation == 0 {
		return fmt.Sprint(l.Mean)
	}
	return fmt.Sprintf("%d ± %d", l.Mean, l.Deviation)
}

func (l Length) draw(r *rand.Rand) int {
	if l.Deviation == 0 {
		return l.Mean
	}
	return max(1, l.Mean+int(math.Round(r.NormFloat64()*float64(l.Deviation))))
}

func (d Synthetic) String() string {
	return fmt.Sprintf("synthetic prompts of %s tokens, answered in %s tokens", d.Prompt, d.Answer)
}

// Token ids that are words, or parts of them, in every vocabulary in use: past
// the bytes and the control tokens, below the end of the smallest vocabulary.
const (
	firstWord = 1_000
	lastWord  = 30_000
)

// Conversations implements [harness.Dataset].
func (d Synthetic) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	for _, l := range []Length{d.Prompt, d.Answer} {
		if l.Mean < 1 || l.Deviation < 0 {
			return nil, errors.New("prompts and answers need at least 1 token")
		}
	}
	return func(yield func(harness.Conversation) bool) {
		for {
			ids := make([]int, d.Prompt.draw(r))
			for i := range ids {
				ids[i] = firstWord + r.IntN(lastWord-firstWord)
			}
			prompt := harness.Prompt{TokenIDs: ids, Tokens: len(ids), MaxTokens: d.Answer.draw(r), IgnoreEOS: true}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}
