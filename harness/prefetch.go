package harness

import (
	"iter"

	"github.com/vllmspec/vllmspec/harness/internal/ahead"
)

// aheadOfTime is how many conversations of an open load are ready before they
// are due: enough for a burst, few enough for prompts of a megabyte each. A user of
// a closed load has the next one ready.
const aheadOfTime = 64

// bytesAhead bounds the bodies that are ready for all users together: of prompts with images or clips there are fewer.
const bytesAhead = 64 << 20

// bytesAtFirst are those that are ready when the load begins: making images for all that it may have ahead takes seconds.
const bytesAtFirst = 4 << 20

// prefetch draws conversations and makes their bodies in the background, a few before they are needed, and returns when
// the first are there. Drawing reads a file, and making a body takes as long as the prompt is long: neither must make a
// request late. One goroutine does some ten thousand a second, more than one machine sends; several would have to wait
// for each other to keep the order.
func prefetch(client Client, shared sharing, conversations iter.Seq[Conversation], n int, within *ahead.Budget) *ahead.Queue[Conversation] {
	preparer, _ := client.(Preparer)
	prepare := func(p Prompt) Prompt {
		if preparer != nil {
			p = preparer.Prepare(p)
		}
		shared.outline(&p)
		return p
	}
	prepared := func(yield func(Conversation) bool) {
		for c := range conversations {
			c.prepare(prepare)
			if !yield(c) {
				return
			}
		}
	}
	return ahead.Start(within, prepared, n, (*Conversation).bytes)
}

// bytes are those of the bodies that were made, and of the files that they were made of.
func (c *Conversation) bytes() (n int) {
	for _, turn := range c.Turns {
		if turn.Request != nil {
			n += turn.Request.Bytes()
		}
		for _, m := range turn.Media {
			n += len(m.File)
		}
	}
	return n
}

// prepare makes the bodies that are known, and their outlines. In a conversation that goes on by itself
// those of later turns depend on the answers.
func (c *Conversation) prepare(prepare func(Prompt) Prompt) {
	known := len(c.Turns)
	if c.GoesOn {
		known = min(1, known)
	}
	turns := make([]Prompt, len(c.Turns)) // the dataset may hand out its own again
	copy(turns, c.Turns)
	for i := range turns {
		if p := &turns[i]; i < known {
			*p = prepare(*p)
		} else if p.hasMedia() {
			prepare(*p) // a client keeps what it made of its media
		}
	}
	c.Turns = turns
}
