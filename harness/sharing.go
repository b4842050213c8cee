package harness

import (
	"bytes"
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

// An outline is a prompt as a prefix cache sees it: its beginnings, each as one hash. It
// is made beforehand, because that takes as long as the prompt is long.
type outline struct {
	size    int      // bytes
	history int      // bytes of them that the server has computed already: what was said in this conversation
	marks   []uint64 // of beginnings of so many blocks: see nextMark
	exact   bool     // the prompt is token ids: 4 bytes are a token
	chat    bool     // the server's chat template adds to it
	opaque  bool     // it holds more than text, and how many tokens that is the server alone knows
}

// nextMark is the block that the mark after this one ends with. Marks get rarer: a
// prompt of 100,000 tokens has some 150, and where two differ is known to within a
// sixteenth.
func nextMark(block int) int { return block + max(1, 1<<bits.Len(uint(block))>>5) }

// outlineOf makes the outline of a prompt. Prompts of other models or salts have no
// beginning in common.
func outlineOf(seed maphash.Seed, p *Prompt) *outline {
	o := &outline{exact: p.TokenIDs != nil, chat: p.Messages != nil, opaque: p.Inputs != nil}
	sum := summing{outline: o, next: nextMark(0)}
	sum.hash.SetSeed(seed)
	for _, root := range []string{p.Model, p.CacheSalt, string(p.Extra["cache_salt"])} {
		sum.hash.WriteString(root)
		sum.hash.WriteByte(0)
	}
	for _, head := range []string{"tools", "documents"} { // templates put them before what was said
		sum.add(p.Extra[head])
	}
	for i, m := range p.Messages {
		if i == p.said && i > 0 {
			o.history = o.size
		}
		sum.add([]byte(m.Role))
		sum.add([]byte{0})
		sum.add([]byte(m.Content))
		sum.add(m.Whole)
		o.opaque = o.opaque || beyondText(m.Whole)
	}
	sum.add([]byte(p.Text))
	sum.addTokens(p.TokenIDs)
	return o
}

// beyondText reports whether a message has parts of which bytes do not tell how many
// tokens they are.
func beyondText(whole []byte) bool {
	for _, kind := range []string{`"image`, `"video`, `"audio`, `"input_audio`} { // image_url, image_embeds, …
		if bytes.Contains(whole, []byte(kind)) {
			return true
		}
	}
	return false
}

// A summing hashes a prompt from its beginning, and notes the hash at each mark.
type summing struct {
	*outline
	hash maphash.Hash
	next int // the block that the next mark ends with
}

func (s *summing) add(data []byte) {
	for len(data) > 0 {
		n := min(len(data), s.next*blockBytes-s.size)
		s.hash.Write(data[:n])
		data, s.size = data[n:], s.size+n
		if s.size == s.next*blockBytes {
			s.marks = append(s.marks, s.hash.Sum64())
			s.next = nextMark(s.next)
		}
	}
}

func (s *summing) addTokens(ids []int) {
	var data [blockBytes]byte
	for len(ids) > 0 {
		n := min(len(ids), blockTokens)
		for i, id := range ids[:n] {
			binary.LittleEndian.PutUint32(data[4*i:], uint32(id))
		}
		s.add(data[:4*n])
		ids = ids[n:]
	}
}

// A sharing remembers how the prompts of a run begin, so that of each it can be said how
// much a prefix cache can have found of it because the run itself had asked it before:
// what a server finds beyond that, others left there. It forgets those beginnings that
// came last the longest ago, when it holds as many as stand for more tokens than
// servers keep.
type sharing struct {
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

func newSharing(chatHead int, chats bool) *sharing {
	return &sharing{seed: maphash.MakeSeed(), head: max(headTokens, chatHead+cutTokens), chats: chats, young: map[uint64]asking{}, within: beginningsKept}
}

// outline is that of a prompt, which is made now if it was not before.
func (s *sharing) outline(p *Prompt) *outline {
	if p.outline == nil {
		p.outline = outlineOf(s.seed, p)
	}
	return p.outline
}

// add is for a prompt that is asked, and was due then.
func (s *sharing) add(o *outline, due time.Duration) {
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

func (s *sharing) at(mark uint64) (asking, bool) {
	if a, ok := s.young[mark]; ok {
		return a, true
	}
	a, ok := s.old[mark]
	return a, ok
}

// begun is how many bytes of a prompt, at most, others had asked when it was due. Of
// those that were due at one instant each may have been the later one.
func (s *sharing) begun(o *outline, due time.Duration) int {
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
func (o *outline) edge(i int) int {
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

// shareable is how many of a prompt's tokens, as the server counted them, can have been
// in its prefix cache because the run asked them before, at most; [Unreported] where that
// cannot be said.
func (s *sharing) shareable(o *outline, due time.Duration, tokens int) int {
	if tokens < 0 || o.opaque || o.size == 0 {
		return Unreported
	}
	begun := max(o.history, s.begun(o, due))
	if o.exact && s.chats {
		return min(tokens, begun/4+s.head)
	}
	if o.exact {
		return min(tokens, begun/4)
	}
	share := float64(begun) / float64(o.size)
	share = denser * share / (denser*share + 1 - share)
	more := cutTokens
	if o.chat || s.chats {
		more = s.head
	}
	return min(tokens, int(math.Ceil(share*float64(tokens)))+more)
}
