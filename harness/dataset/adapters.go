package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Adapters is a dataset some of whose conversations are asked of adapters, each of
// which is asked for as a model of its own; the rest is asked of the base model.
type Adapters struct {
	harness.Dataset
	Shares []AdapterShare
}

// An AdapterShare is the share of an adapter in all conversations, 0 to 1.
type AdapterShare struct {
	Name  string
	Share float64
}

func (d Adapters) String() string {
	var parts []string
	for _, a := range d.Shares {
		parts = append(parts, fmt.Sprintf("%.4g %% asked of %q", 100*a.Share, a.Name))
	}
	return fmt.Sprintf("%v; %s", d.Dataset, strings.Join(parts, ", "))
}

// Conversations implements [harness.Dataset]. All turns of a conversation are asked
// of one model.
func (d Adapters) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	sum := 0.0
	for _, a := range d.Shares {
		sum += a.Share
	}
	if sum > 1+1e-9 {
		return nil, fmt.Errorf("the shares of the adapters are %.4g %% together; they cannot be more than 100 %%", 100*sum)
	}
	conversations, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	choices := rand.New(rand.NewPCG(r.Uint64(), 0xada))
	return func(yield func(harness.Conversation) bool) {
		for c := range conversations {
			if !yield(askedOf(d.draw(choices.Float64()), c)) {
				return
			}
		}
	}, nil
}

// Count is how many different conversations there are.
func (d Adapters) Count() (int, error) {
	return Count(d.Dataset)
}

// draw is the adapter that a number between 0 and 1 stands for; "" is the base model.
func (d Adapters) draw(at float64) string {
	for _, a := range d.Shares {
		if at -= a.Share; at < 0 {
			return a.Name
		}
	}
	return ""
}

func askedOf(model string, c harness.Conversation) harness.Conversation {
	if model == "" {
		return c
	}
	turns := make([]harness.Prompt, len(c.Turns)) // the dataset may hand out its own again
	for i, turn := range c.Turns {
		turn.Model = model
		turns[i] = turn
	}
	c.Turns = turns
	return c
}
