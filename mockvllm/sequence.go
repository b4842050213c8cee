package mockvllm

import (
	"sync"
	"time"
)

// A sequence is one answer in the making inside the engine: a request has one,
// or several of one prompt.
type sequence struct {
	identity uint64
	index    int      // among the answers to its request
	tokens   []token  // prompt, then what has been generated
	root     uint64   // of its block hashes: adapter and cache salt
	hashes   []uint64 // of the full blocks of tokens
	prompt   int      // how many of tokens are the prompt
	asked    []token  // the prompt, where the answer repeats it
	answer   answer
	adapter  string // LoRA; "" for none
	priority int    // the lowest first, where the engine looks at it
	noCache  bool   // its prompt is not looked up
	given    int    // prompt tokens that count as cached, in a replay

	computed int   // tokens whose KV is in the cache
	blocks   []int // that hold it
	step     int   // tokens computed in the step that is on

	arrived, received, queued, scheduled, first, last time.Time
	abortedAt                                         time.Time
	maxTokens                                         int         // as the request bounded them
	copies                                            *copies     // the answers to one request, this one among them
	cached                                            int         // prompt tokens found in the cache at first admission
	preempted                                         int         // preemptions not yet counted
	preemptions                                       int         // in all
	times                                             []time.Time // of each token, where they are kept
	admitted                                          bool

	miscounted int  // by how often more than once the metrics count it: −1, 0 or 1
	pooled     bool // an embedding or a score: computed, nothing generated
	whole      bool // the handler waits for the end only: nothing is streamed
	notify     chan struct{}

	mu     sync.Mutex
	ready  int // generated tokens the handler may send
	ended  bool
	finish string // stop, length, tool_calls; abort or error where it was taken out
}

// known sets what the engine knows from the beginning: the prompt, with room for
// the answer.
func (s *sequence) known(prompt []token, blockSize int) {
	whole := len(prompt) + len(s.answer.ids)
	s.tokens = append(make([]token, 0, whole), prompt...)
	s.hashes = append(make([]uint64, 0, whole/blockSize), chain(s.root, prompt, blockSize)...)
}

// push lets the handler know of more tokens.
func (s *sequence) push(tokens int) {
	s.mu.Lock()
	s.ready += tokens
	s.mu.Unlock()
	if !s.whole {
		s.ring()
	}
}

// end lets the handler know that there are no more tokens, and why.
func (s *sequence) end(finish string) {
	s.mu.Lock()
	s.ended, s.finish = true, finish
	s.mu.Unlock()
	s.ring()
}

func (s *sequence) ring() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// progress is how many tokens are there, and whether they are all.
func (s *sequence) progress() (ready int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready, s.ended
}

// finished is why there are no more tokens, once there are none.
func (s *sequence) finished() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish
}

// copies are the answers that one request asked for.
type copies struct{ n, left, longest int }

// done counts one more of them, of so many tokens, and reports whether it was
// the last.
func (c *copies) done(tokens int) bool {
	c.left--
	c.longest = max(c.longest, tokens)
	return c.left == 0
}
