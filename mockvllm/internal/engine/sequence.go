package engine

import (
	"iter"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// An Order is one answer that the engine is to compute: what is known of it before it is
// queued, and does not change.
type Order struct {
	Identity uint64 // orders those of one instant, and decides which drafted tokens are right
	Index    int    // among the answers to its request
	Prompt   []tokenizer.Token
	Answer   answer.Answer
	Adapter  string // LoRA; "" for none
	Salt     string // keeps its cache blocks apart from those of others
	Priority int    // the lowest first, where the engine looks at it
	NoCache  bool   // its prompt is not looked up
	Pooled   bool   // an embedding or a score: computed, nothing generated
	Whole    bool   // the handler waits for the end only: nothing is streamed

	AssumeCached int // prompt tokens that count as cached, whatever the cache holds; in a replay
	MaxTokens    int // as the request bounded them
	Miscounted   int // by how often more than once the metrics count it: −1, 0 or 1

	Arrived, Received time.Time
	Copies            *Copies       // the answers to one request, this one among them; nil: it is the only one
	Notify            chan struct{} // rung when there are more tokens, or no more
}

// A Sequence is one answer in the making inside the engine: a request has one,
// or several of one prompt.
type Sequence struct {
	Order
	tokens []tokenizer.Token // prompt, then what has been generated
	root   uint64            // of its block hashes: adapter and cache salt
	hashes []uint64          // of the full blocks of tokens
	prompt int               // how many of tokens are the prompt

	computed int   // tokens whose KV is in the cache
	blocks   []int // that hold it
	step     int   // tokens computed in the step that is on

	queued, scheduled, first, last time.Time
	abortedAt                      time.Time
	cached                         int         // prompt tokens found in the cache at first admission
	preempted                      int         // preemptions not yet counted
	preemptions                    int         // in all
	times                          []time.Time // of each token, where they are kept
	admitted                       bool

	mu     sync.Mutex
	ready  int // generated tokens the handler may send
	ended  bool
	finish string // stop, length, tool_calls; abort or error where it was taken out
}

// NewSequence is an order with room for its answer. It keeps a copy of the prompt.
func NewSequence(o Order, blockSize int) *Sequence {
	whole := len(o.Prompt) + len(o.Answer.IDs)
	s := &Sequence{Order: o, root: rootOf(o.Adapter, o.Salt), prompt: len(o.Prompt)}
	s.tokens = append(make([]tokenizer.Token, 0, whole), o.Prompt...)
	s.Prompt = s.tokens[:s.prompt:s.prompt]
	s.hashes = append(make([]uint64, 0, whole/blockSize), chain(s.root, s.tokens, blockSize)...)
	if s.Copies == nil {
		s.Copies = NewCopies(1)
	}
	if s.Notify == nil {
		s.Notify = make(chan struct{}, 1)
	}
	return s
}

// counted are what the metrics count of a sequence.
func (s *Sequence) counted() *metrics.Sequence {
	return &metrics.Sequence{Received: s.Received, Queued: s.queued, Scheduled: s.scheduled, First: s.first,
		Prompt: s.prompt, Cached: s.cached, Generated: len(s.tokens) - s.prompt, MaxTokens: s.MaxTokens, Preemptions: s.preemptions,
		Finish: s.Answer.Finish, Counted: 1 + s.Miscounted}
}

// adaptersOf are the adapters of sequences, "" where one has none.
func adaptersOf(list []*Sequence) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range list {
			if !yield(s.Adapter) {
				return
			}
		}
	}
}

// push lets the handler know of more tokens.
func (s *Sequence) push(tokens int) {
	s.mu.Lock()
	s.ready += tokens
	s.mu.Unlock()
	if !s.Whole {
		s.ring()
	}
}

// end lets the handler know that there are no more tokens, and why.
func (s *Sequence) end(finish string) {
	s.mu.Lock()
	s.ended, s.finish = true, finish
	s.mu.Unlock()
	s.ring()
}

func (s *Sequence) ring() {
	select {
	case s.Notify <- struct{}{}:
	default:
	}
}

// Progress is how many tokens are there, and whether they are all.
func (s *Sequence) Progress() (ready int, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready, s.ended
}

// A Truth is what happened to a sequence so far.
type Truth struct {
	Index                                   int
	Arrived, Received                       time.Time
	Queued, Admitted, First, Last           time.Time
	Tokens                                  []time.Time // the step that produced each ended, where that is kept
	PromptTokens, CachedTokens, Preemptions int
	Finish                                  string
}

// Truth is what the engine knows of a sequence; while it runs, under the engine's lock.
func (s *Sequence) Truth() Truth {
	return Truth{Index: s.Index, Arrived: s.Arrived, Received: s.Received, Queued: s.queued, Admitted: s.scheduled, First: s.first, Last: s.last,
		Tokens: append([]time.Time{}, s.times...), PromptTokens: s.prompt, CachedTokens: s.cached, Preemptions: s.preemptions, Finish: s.Finished()}
}

// CachedTokens are the prompt tokens that were found in the cache; known with the first token.
func (s *Sequence) CachedTokens() int { return s.cached }

// Finished is why there are no more tokens, once there are none.
func (s *Sequence) Finished() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish
}

// Copies are the answers that one request asked for.
type Copies struct{ n, left, longest int }

// NewCopies are n answers, none of which has ended.
func NewCopies(n int) *Copies { return &Copies{n: n, left: n} }

// done counts one more of them, of so many tokens, and reports whether it was
// the last.
func (c *Copies) done(tokens int) bool {
	c.left--
	c.longest = max(c.longest, tokens)
	return c.left == 0
}
