package trace

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/vllmspec/vllmspec/harness/dataset/internal/source"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// blocks find out of how many tokens each name in hash_ids is: Mooncake's name 512 each,
// others 16. A prompt of n tokens has ⌈n/size⌉ names, or ⌊n/size⌋ where its last block is
// not named unless it is full.
type blocks struct {
	up, down   sizes
	first, bad int64 // lines: the first with names, and the first with which no one size is left
	prompt, of int   // of the bad line: its tokens, and its names
}

// sizes are those that fit all prompts so far.
type sizes struct{ least, most int }

func newBlocks() blocks {
	all := sizes{1, math.MaxInt32}
	return blocks{up: all, down: all}
}

// join adds the prompts that come after so many lines. It does not find the line with which
// no size is left.
func (b *blocks) join(next *blocks, lines int64) {
	if b.first == 0 && next.first > 0 {
		b.first = next.first + lines
	}
	b.up = sizes{max(b.up.least, next.up.least), min(b.up.most, next.up.most)}
	b.down = sizes{max(b.down.least, next.down.least), min(b.down.most, next.down.most)}
}

// fit reports whether one size fits all prompts so far.
func (b *blocks) fit() bool { return b.first == 0 || b.up.power() > 0 || b.down.power() > 0 }

// add takes a prompt.
func (b *blocks) add(prompt, names int, line int64) {
	if names == 0 || prompt == 0 {
		return
	}
	if b.first == 0 {
		b.first = line
	}
	b.up.least = max(b.up.least, (prompt+names-1)/names)
	if names > 1 {
		b.up.most = min(b.up.most, (prompt-1)/(names-1))
	}
	b.down.least = max(b.down.least, prompt/(names+1)+1)
	b.down.most = min(b.down.most, prompt/names)
	if b.bad == 0 && b.up.power() == 0 && b.down.power() == 0 {
		b.bad, b.prompt, b.of = line, prompt, names
	}
}

// size is how many tokens a name stands for; 0 where there are no names.
func (b *blocks) size() (int, error) {
	if b.first == 0 {
		return 0, nil
	}
	either := []sizes{b.up, b.down}
	for _, usual := range []int{pieceTokens, tokens.CacheBlock} {
		if b.up.has(usual) || b.down.has(usual) {
			return usual, nil
		}
	}
	if b.up.most == math.MaxInt32 { // each prompt has one name, which bounds the size on one side only
		either = []sizes{b.down, b.up}
	}
	for _, s := range either {
		if size := s.power(); size > 0 {
			return size, nil
		}
	}
	return 0, source.AtLine(b.bad, fmt.Errorf("%d hash_ids do not fit a prompt of %d tokens: names of %d tokens each would be %d, and no other size fits all lines up to this one; write one name for each block of %d tokens, or leave hash_ids out",
		b.of, b.prompt, pieceTokens, (b.prompt+pieceTokens-1)/pieceTokens, pieceTokens))
}

// has reports whether a size is among them.
func (s sizes) has(size int) bool { return s.least <= size && size <= s.most }

// power is the power of two among the sizes that blocks have: the largest, or where they are not bounded the least; 0 where
// there is none.
func (s sizes) power() int {
	if s.most < s.least {
		return 0
	}
	if s.most == math.MaxInt32 {
		return 1 << bits.Len(uint(s.least-1))
	}
	if largest := 1 << (bits.Len(uint(s.most)) - 1); largest >= s.least {
		return largest
	}
	return 0
}
