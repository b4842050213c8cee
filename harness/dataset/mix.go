package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// Mix is traffic of several classes, each conversation of one of them.
type Mix []Class

// A Class is a part of the traffic.
type Class struct {
	Name     string
	Share    float64 // of all conversations, 0 to 1
	Dataset  harness.Dataset
	Model    string // that is asked; "" is the dataset's or the client's
	Priority int
	Think    harness.Think // between turns; zero: as all do
}

func (m Mix) String() string {
	var parts []string
	for _, c := range m {
		s := fmt.Sprintf("%.4g %% %s: %v", 100*c.Share, c.Name, c.Dataset)
		if c.Model != "" {
			s += fmt.Sprintf(", asked of %q", c.Model)
		}
		if c.Priority != 0 {
			s += fmt.Sprintf(", with priority %d", c.Priority)
		}
		if c.Think != (harness.Think{}) {
			s += fmt.Sprintf(", thinking between turns: %v", c.Think)
		}
		parts = append(parts, s)
	}
	return "a mix of " + strings.Join(parts, "; ")
}

// Conversations implements [harness.Dataset]. Each class draws from a stream of
// its own, so that what one asks does not depend on the others' shares.
func (m Mix) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	sum := 0.0
	parts := make([]iter.Seq[harness.Conversation], len(m))
	for i, c := range m {
		var err error
		if parts[i], err = c.Dataset.Conversations(rand.New(rand.NewPCG(r.Uint64(), uint64(i)))); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		sum += c.Share
	}
	switch {
	case len(m) == 0:
		return nil, errors.New("the mix has no class")
	case math.Abs(sum-1) > 1e-6:
		return nil, fmt.Errorf("the shares of the mix are %.4g %% together; they must be 100 %%", 100*sum)
	}
	return func(yield func(harness.Conversation) bool) {
		next := make([]func() (harness.Conversation, bool), len(m))
		for i, part := range parts {
			pull, stop := iter.Pull(part)
			defer stop()
			next[i] = pull
		}
		for {
			i := m.draw(r.Float64())
			c, ok := next[i]()
			if !ok || !yield(m[i].marked(c)) {
				return
			}
		}
	}, nil
}

// draw is the class that a number between 0 and 1 stands for.
func (m Mix) draw(at float64) int {
	for i, c := range m {
		if at -= c.Share; at < 0 {
			return i
		}
	}
	return len(m) - 1
}

// marked is a conversation of the class. It is made anew: its turns may be asked
// again under another class.
func (c Class) marked(of harness.Conversation) harness.Conversation {
	turns := make([]harness.Prompt, len(of.Turns))
	for i, turn := range of.Turns {
		turn.Class, turn.Model, turn.Priority = c.Name, cmp.Or(c.Model, turn.Model), c.Priority
		turns[i] = turn
	}
	of.Turns, of.Think = turns, c.Think
	return of
}
