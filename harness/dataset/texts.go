package dataset

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// Texts are texts of random tokens that a server makes no answer to, but a vector, a score or a class: some of
// them in each request, by themselves or beside a query. No two have a beginning in common.
type Texts struct {
	Length Length // of each
	Each   int    // texts of a request
	Query  Length // beside them; Mean is 0: there is none
}

func (d Texts) String() string {
	s := fmt.Sprintf("texts of %s tokens, %d at a time", d.Length, d.Each)
	if d.Query.Mean > 0 {
		s = fmt.Sprintf("queries of %s tokens, each with %d texts of %s tokens", d.Query, d.Each, d.Length)
	}
	return s
}

// Conversations implements [harness.Dataset].
func (d Texts) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	if err := d.Length.check(); err != nil {
		return nil, err
	}
	if d.Each < 1 {
		return nil, fmt.Errorf("%d texts of a request; there must be at least 1", d.Each)
	}
	return func(yield func(harness.Conversation) bool) {
		for {
			prompt := harness.Prompt{Inputs: make([]harness.Input, d.Each)}
			if d.Query.Mean > 0 {
				prompt.TokenIDs = drawn(d.Query, r)
			}
			total := 0
			for i := range prompt.Inputs {
				prompt.Inputs[i].TokenIDs = drawn(d.Length, r)
				total += len(prompt.Inputs[i].TokenIDs)
			}
			if d.Query.Mean == 0 { // else the model joins each with the query in a way of its own
				prompt.Tokens = total
			}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}

func drawn(l Length, r *rand.Rand) []int {
	ids := make([]int, l.draw(r))
	tokens.Fill(ids, r)
	return ids
}

// MarshalJSON describes the dataset: see [Describe].
func (d Texts) MarshalJSON() ([]byte, error) {
	f := form{Kind: KindTexts, Text: d.Length.form(), Each: d.Each}
	if d.Query.Mean > 0 {
		f.Query = d.Query.form()
	}
	return json.Marshal(f)
}
