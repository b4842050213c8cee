package multimodal

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset"
)

// Some are so many media of a kind and a size, which each prompt has.
type Some struct {
	Each int            // of a prompt
	Of   int            // different ones, of which prompts draw theirs; 0: none is shown twice
	Like harness.Medium // its seed aside
}

func (s Some) String() string {
	of := ""
	if s.Of > 0 {
		of = fmt.Sprintf(" of %d", s.Of)
	}
	return fmt.Sprintf("%d%s × %s", s.Each, of, s.Like)
}

// draw are those of one prompt.
func (s Some) draw(r *rand.Rand) (out []harness.Medium) {
	if s.Of > 0 {
		drawn := map[int]bool{}
		for len(out) < s.Each {
			seed := r.IntN(s.Of)
			if drawn[seed] {
				continue // a prompt has none twice; there are as many different ones as it has, or more
			}
			drawn[seed] = true
			m := s.Like
			m.Seed = uint64(seed) // the same whatever the run draws
			out = append(out, m)
		}
		return out
	}
	for range s.Each {
		m := s.Like
		m.Seed = r.Uint64() | 1<<63 // none of those that are shared
		out = append(out, m)
	}
	return out
}

// Shown is a dataset whose prompts have media: each question of a conversation some of its own, which its later
// turns show again.
type Shown struct {
	harness.Dataset
	Media []Some
}

func (d Shown) String() string { return fmt.Sprintf("%v; each prompt has %s", d.Dataset, d.says()) }

func (d Shown) says() string {
	var all []string
	for _, some := range d.Media {
		all = append(all, some.String())
	}
	return strings.Join(all, ", ")
}

// With is a dataset whose prompts have media, if any.
func With(d harness.Dataset, media []Some) harness.Dataset {
	if len(media) == 0 {
		return d
	}
	return Shown{d, media}
}

// Conversations implements [harness.Dataset]. What is shown is drawn from a stream of its own, so that what is asked is
// the same with and without.
func (d Shown) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	if err := CheckAll(d.Media); err != nil {
		return nil, err
	}
	own := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
	conversations, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	return func(yield func(harness.Conversation) bool) {
		for c := range conversations {
			if !yield(d.shown(c, own)) {
				return
			}
		}
	}, nil
}

func (d Shown) draw(r *rand.Rand) (all []harness.Medium) {
	for _, some := range d.Media {
		all = append(all, some.draw(r)...)
	}
	return all
}

func (d Shown) shown(c harness.Conversation, r *rand.Rand) harness.Conversation {
	turns := make([]harness.Prompt, len(c.Turns)) // the dataset may hand out its own again
	of := map[int][]harness.Medium{}              // the media of a message, by its place in the conversation
	for i, turn := range c.Turns {
		turn.Tokens = 0 // how many they become is the model's affair
		if turn.Messages == nil {
			turn.Media = d.draw(r)
			turns[i] = turn
			continue
		}
		turn.Messages = slices.Clone(turn.Messages)
		if c.GoesOn {
			clear(of) // each turn has only what is new
		}
		last := lastQuestion(turn.Messages)
		if last < 0 {
			return harness.Conversation{Err: errors.New("a conversation has no question, and images, videos and clips stand before one: leave such conversations out of the file")}
		}
		if of[last] == nil {
			of[last] = d.draw(r)
		}
		for at, media := range of {
			if at < len(turn.Messages) {
				turn.Messages[at].Media = media
			}
		}
		turns[i] = turn
	}
	c.Turns = turns
	return c
}

// lastQuestion is the place of the last message of the user; -1 where there is none.
func lastQuestion(messages []harness.Message) int {
	for i, m := range slices.Backward(messages) {
		if m.Role == "user" {
			return i
		}
	}
	return -1
}

// Count is how many different conversations there are.
func (d Shown) Count() (int, error) {
	return dataset.Count(d.Dataset)
}

// MarshalJSON describes the dataset: see [dataset.Describe].
func (d Shown) MarshalJSON() ([]byte, error) {
	of, err := dataset.Describe(d.Dataset)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"kind": "shown", "of": of, "says": "each prompt has " + d.says()})
}
