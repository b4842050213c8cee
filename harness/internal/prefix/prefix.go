// Package prefix says how much of a prompt a server's prefix cache can hold because the same run asked it before.
package prefix

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"math/bits"
	"sync"
	"time"
)

// blockBytes is what is compared at a time: 16 token ids of 4 bytes, which is the least
// block that vLLM's prefix cache keeps, or about as many tokens of text.
const (
	blockTokens = 16
	blockBytes  = 4 * blockTokens
)

// An Outline is a prompt as a prefix cache sees it: its beginnings, each as one hash. It
// is made beforehand, because that takes as long as the prompt is long.
type Outline struct {
	Exact  bool // the prompt is token ids: 4 bytes are a token
	Chat   bool // the server's chat template adds to it
	Opaque bool // it holds more than text, and how many tokens that is the server alone knows

	size    int      // bytes
	history int      // bytes of them that the server has computed already: what was said in this conversation
	marks   []uint64 // of beginnings of so many blocks: see nextMark
}

// nextMark is the block that the mark after this one ends with. Marks get rarer: a
// prompt of 100,000 tokens has some 150, and where two differ is known to within a
// sixteenth.
func nextMark(block int) int { return block + max(1, 1<<bits.Len(uint(block))>>5) }

// A Writer makes an outline, from the beginning of a prompt.
type Writer struct {
	outline *Outline
	hash    maphash.Hash
	next    int // the block that the next mark ends with
}

// Write begins an outline. Prompts under unlike roots, such as other models or salts, have no beginning in common.
func (s *Sharing) Write(o *Outline, roots ...string) *Writer {
	w := &Writer{outline: o, next: nextMark(0)}
	w.hash.SetSeed(s.seed)
	for _, root := range roots {
		w.hash.WriteString(root)
		w.hash.WriteByte(0)
	}
	return w
}

// Said says that the server has computed all of the prompt until here: it was said in this conversation.
func (w *Writer) Said() { w.outline.history = w.outline.size }

// Add adds bytes.
func (w *Writer) Add(data []byte) {
	for len(data) > 0 {
		n := min(len(data), w.next*blockBytes-w.outline.size)
		w.hash.Write(data[:n])
		data, w.outline.size = data[n:], w.outline.size+n
		if w.outline.size == w.next*blockBytes {
			w.outline.marks = append(w.outline.marks, w.hash.Sum64())
			w.next = nextMark(w.next)
		}
	}
}

// AddTokens adds token ids.
func (w *Writer) AddTokens(ids []int) {
	var data [blockBytes]byte
	for len(ids) > 0 {
		n := min(len(ids), blockTokens)
		for i, id := range ids[:n] {
			binary.LittleEndian.PutUint32(data[4*i:], uint32(id))
		}
		w.Add(data[:4*n])
		ids = ids[n:]
	}
}

// A Sharing remembers how the prompts of a run begin, so that of each it can be said how
// much a prefix cache can have found of it because the run itself had asked it before:
// what a server finds beyond that, others left there. It forgets those beginnings that
// came last the longest ago, when it holds as many as stand for more tokens than
// servers keep.
type Sharing struct {
	seed   maphash.Seed
	head   int  // tokens that all chats have in common
	chats  bool // prompts of token ids and of text are asked as chats too
	mu     sync.Mutex
	young  map[uint64]asking // by the hash of the beginning
	old    map[uint64]asking
	within int // how many of each
}

// An asking is when a beginning was first asked, in nanoseconds, twice, and 1 more where
// several prompts with it were due then.
type asking int64

// beginningsKept is how many beginnings are remembered of late, and as many before.
const beginningsKept = 1 << 18

// New remembers nothing yet. The chat template of the server adds so many tokens, 0 where that is not known; chats is that
// prompts of token ids and of text are asked as chats too.
func New(chatHead int, chats bool) *Sharing {
	return &Sharing{seed: maphash.MakeSeed(), head: max(headTokens, chatHead+cutTokens), chats: chats, young: map[uint64]asking{}, within: beginningsKept}
}

// Add is for a prompt that is asked, and was due then.
func (s *Sharing) Add(o *Outline, due time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mark := range o.marks {
		first := asking(due) << 1
		if before, ok := s.at(mark); ok {
			switch {
			case before>>1 == first>>1:
				first = before | 1
			case before < first:
				first = before
			}
		}
		s.young[mark] = first
		if len(s.young) >= s.within {
			s.young, s.old = map[uint64]asking{}, s.young
		}
	}
}

func (s *Sharing) at(mark uint64) (asking, bool) {
	if a, ok := s.young[mark]; ok {
		return a, true
	}
	a, ok := s.old[mark]
	return a, ok
}

// begun is how many bytes of a prompt, at most, others had asked when it was due. Of
// those that were due at one instant each may have been the later one.
func (s *Sharing) begun(o *Outline, due time.Duration) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(o.marks) - 1; i >= 0; i-- { // one that is there was not asked without those before it
		if a, ok := s.at(o.marks[i]); ok && (a < asking(due)<<1 || a == asking(due)<<1|1) {
			return min(o.size, (o.edge(i+1)-1)*blockBytes) // there is no mark between
		}
	}
	return 0
}

// edge is the block that the i-th mark ends with, from 0.
func (o *Outline) edge(i int) int {
	block := nextMark(0)
	for range i {
		block = nextMark(block)
	}
	return block
}

// What a server may find of a text or a chat beyond the blocks that were compared: where
// one is cut in the middle, and the head of a chat template, which all chats share: that of
// a usual one, where it was not measured.
const (
	cutTokens  = blockTokens
	headTokens = 64
	// denser is how many more tokens a byte may hold in one part of a text than in another.
	denser = 1.5
)

// Shareable is how many of a prompt's tokens, as the server counted them, can have been
// in its prefix cache because the run asked them before, at most; it is not ok where that
// cannot be said.
func (s *Sharing) Shareable(o *Outline, due time.Duration, tokens int) (_ int, ok bool) {
	if tokens < 0 || o.Opaque || o.size == 0 {
		return 0, false
	}
	begun := max(o.history, s.begun(o, due))
	if o.Exact && s.chats {
		return min(tokens, begun/4+s.head), true
	}
	if o.Exact {
		return min(tokens, begun/4), true
	}
	share := float64(begun) / float64(o.size)
	share = denser * share / (denser*share + 1 - share)
	more := cutTokens
	if o.Chat || s.chats {
		more = s.head
	}
	return min(tokens, int(math.Ceil(share*float64(tokens)))+more), true
}
