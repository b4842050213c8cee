package engine

import (
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// A pool is the KV cache: blocks of so many tokens, counted by who uses them. A full
// block is known by the hash of all tokens up to its end, so that a request
// with the same beginning can use it; a block that is not in use keeps its hash
// until it is needed for something else, the least recently freed one first.
type pool struct {
	blocks   []block
	free     list           // unused blocks, in the order in which they are given away
	cached   map[uint64]int // hash of a full block → the block
	withheld int            // blocks that are not given away for now
}

type block struct {
	hash       uint64 // 0: not full, or not known
	users      int
	prev, next int // neighbours in the free list
}

// list is a doubly linked list through the blocks, so that a block in its
// middle can be revived.
type list struct{ first, last, length int }

const none = -1

// newPool has size blocks; like vLLM's it keeps one aside as the null block.
func newPool(size int) *pool {
	p := &pool{blocks: make([]block, size), free: list{first: none, last: none}, cached: map[uint64]int{}}
	for id := 1; id < size; id++ {
		p.pushFree(id)
	}
	return p
}

// usage is the share of blocks in use, 0–1. Cached blocks without a user are free.
func (p *pool) usage() float64 {
	return min(1, float64(len(p.blocks)-1-p.free.length)/float64(len(p.blocks)-1-p.withheld))
}

// available are the blocks that can be given away.
func (p *pool) available() int { return max(0, p.free.length-p.withheld) }

// take gives away n blocks, or none when there are fewer.
func (p *pool) take(n int) ([]int, bool) {
	if n > p.available() {
		return nil, false
	}
	out := make([]int, n)
	for i := range out {
		id := p.free.first
		p.remove(id)
		b := &p.blocks[id]
		if b.hash != 0 && p.cached[b.hash] == id {
			delete(p.cached, b.hash)
		}
		b.hash, b.users = 0, 1
		out[i] = id
	}
	return out, true
}

// find returns the blocks that hold the beginning given by its hashes.
func (p *pool) find(hashes []uint64) []int {
	var hits []int
	for _, h := range hashes {
		id, ok := p.cached[h]
		if !ok {
			break
		}
		hits = append(hits, id)
	}
	return hits
}

// unused counts those of the blocks that are in the free list.
func (p *pool) unused(ids []int) int {
	n := 0
	for _, id := range ids {
		if p.blocks[id].users == 0 {
			n++
		}
	}
	return n
}

// share adds a user to each block.
func (p *pool) share(ids []int) {
	for _, id := range ids {
		if p.blocks[id].users == 0 {
			p.remove(id)
		}
		p.blocks[id].users++
	}
}

// name makes a full block known by its hash; the first of two alike stays known.
func (p *pool) name(id int, hash uint64) {
	if p.blocks[id].hash != 0 {
		return
	}
	p.blocks[id].hash = hash
	if _, ok := p.cached[hash]; !ok {
		p.cached[hash] = id
	}
}

// release takes a user from each block of a sequence, its end first, so that
// the end is given away before the beginning, which others may share.
func (p *pool) release(ids []int) {
	for i := len(ids) - 1; i >= 0; i-- {
		if p.blocks[ids[i]].users--; p.blocks[ids[i]].users == 0 {
			p.pushFree(ids[i])
		}
	}
}

// forget drops every hash; it does so only when no block is in use.
func (p *pool) forget() bool {
	if p.free.length != len(p.blocks)-1 {
		return false
	}
	for i := range p.blocks {
		p.blocks[i].hash = 0
	}
	clear(p.cached)
	return true
}

func (p *pool) pushFree(id int) {
	b := &p.blocks[id]
	b.prev, b.next = p.free.last, none
	if p.free.last == none {
		p.free.first = id
	} else {
		p.blocks[p.free.last].next = id
	}
	p.free.last = id
	p.free.length++
}

func (p *pool) remove(id int) {
	b := &p.blocks[id]
	if b.prev == none {
		p.free.first = b.next
	} else {
		p.blocks[b.prev].next = b.next
	}
	if b.next == none {
		p.free.last = b.prev
	} else {
		p.blocks[b.next].prev = b.prev
	}
	p.free.length--
}

// chain hashes the full blocks of a sequence, each with all before it.
func chain(root uint64, tokens []tokenizer.Token, size int) []uint64 {
	hashes := make([]uint64, 0, len(tokens)/size)
	for end := size; end <= len(tokens); end += size {
		hashes = append(hashes, link(root, hashes, tokens[end-size:end]))
	}
	return hashes
}

// link hashes one more block onto a chain. It is never 0, which stands for none.
func link(root uint64, hashes []uint64, block []tokenizer.Token) uint64 {
	h := root
	if len(hashes) > 0 {
		h = hashes[len(hashes)-1]
	}
	for _, token := range block {
		h = hash.Token(h, token)
	}
	return h | 1
}

// rootOf is what the blocks of a sequence begin from: two with other adapters or
// salts share none.
func rootOf(adapter, salt string) uint64 {
	if adapter == "" && salt == "" {
		return hash.Offset
	}
	return hash.FNV(hash.FNV(hash.FNV(hash.Offset, adapter), "\x00"), salt)
}
