package harness

import "iter"

// aheadOfTime is how many conversations of an open load are ready before they
// are due: enough for a burst, few enough for prompts of a megabyte each. A user of
// a closed load has the next one ready.
const aheadOfTime = 64

// bytesAhead bounds the bodies that are ready: of prompts with images or clips there are fewer.
const bytesAhead = 64 << 20

// bytesAtFirst are those that are ready when the load begins: making images for all that it may have ahead takes seconds.
const bytesAtFirst = 4 << 20

// prefetcher draws conversations and makes their bodies in the background, in their
// order, a few before they are needed. Drawing reads a file, and making a body takes
// as long as the prompt is long: neither must make a request late. One goroutine does
// some ten thousand a second, more than one machine sends; several would have to wait
// for each other to keep the order.
type prefetcher struct {
	ready chan Conversation // closed when the dataset has ended
	quit  chan struct{}
	ended chan struct{}
}

// prefetch begins to draw n ahead, and returns when they are there, or the first few of large ones.
func prefetch(client Client, shared sharing, conversations iter.Seq[Conversation], n int) *prefetcher {
	a := &prefetcher{ready: make(chan Conversation), quit: make(chan struct{}), ended: make(chan struct{})}
	full := make(chan struct{})
	preparer, _ := client.(Preparer)
	prepare := func(p Prompt) Prompt {
		if preparer != nil {
			p = preparer.Prepare(p)
		}
		shared.outline(&p)
		return p
	}
	go a.draw(conversations, prepare, n, full)
	select {
	case <-full:
	case <-a.ended:
	}
	return a
}

func (a *prefetcher) draw(conversations iter.Seq[Conversation], prepare func(Prompt) Prompt, n int, full chan<- struct{}) {
	defer close(a.ended)
	defer func() { close(a.ready) }()
	drawn := 0
	for c := range conversations {
		c.prepare(prepare)
		if drawn == 0 { // the others are about as long
			size := max(1, c.bytes())
			a.ready = make(chan Conversation, min(n, max(1, bytesAhead/size))-1)
			n = min(n, max(1, bytesAtFirst/size))
		}
		if drawn++; drawn == n {
			close(full)
		}
		select {
		case a.ready <- c:
		case <-a.quit:
			return
		}
	}
}

// bytes are those of the bodies that were made.
func (c *Conversation) bytes() (n int) {
	for _, turn := range c.Turns {
		if turn.Request != nil {
			n += turn.Request.Bytes()
		}
	}
	return n
}

// stop ends the drawing; nothing is read any more once it returns.
func (a *prefetcher) stop() {
	close(a.quit)
	<-a.ended
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
