package dataset

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Checked is a dataset whose answers are checked, and asked for so that they can pass.
type Checked struct {
	harness.Dataset
	Extra  map[string]json.RawMessage // that each prompt asks for besides: the form of its answer
	Checks []harness.Check
}

func (d Checked) String() string { return fmt.Sprintf("%v; an answer %s", d.Dataset, d.passes()) }

func (d Checked) passes() string {
	var all []string
	for _, check := range d.Checks {
		all = append(all, check.String())
	}
	return strings.Join(all, ", ")
}

// Conversations implements [harness.Dataset].
func (d Checked) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	conversations, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	return func(yield func(harness.Conversation) bool) {
		for c := range conversations {
			if !yield(d.checked(c)) {
				return
			}
		}
	}, nil
}

func (d Checked) checked(c harness.Conversation) harness.Conversation {
	turns := make([]harness.Prompt, len(c.Turns)) // the dataset may hand out its own again
	for i, turn := range c.Turns {
		turn.Checks = d.Checks
		if len(d.Extra) > 0 {
			extra := maps.Clone(d.Extra)
			maps.Copy(extra, turn.Extra) // what a file says of one prompt comes before what is said of all
			turn.Extra = extra
		}
		turns[i] = turn
	}
	c.Turns = turns
	return c
}

// Count is how many different conversations there are.
func (d Checked) Count() (int, error) {
	return Count(d.Dataset)
}

// MarshalJSON describes the dataset: see [Describe].
func (d Checked) MarshalJSON() ([]byte, error) {
	of, err := Describe(d.Dataset)
	if err != nil {
		return nil, err
	}
	return json.Marshal(form{Kind: KindChecked, Of: of, Says: "an answer " + d.passes()})
}
