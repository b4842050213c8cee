package hash

import "sync"

// Equals numbers equal hashes. The zero Equals has seen none.
type Equals struct {
	mu   sync.Mutex
	seen map[uint64]uint64
}

// mostSeen bounds the memory for hashes that were seen; after so many different
// ones they are forgotten.
const mostSeen = 1 << 20

// Next is the identity of one more request whose content has this hash. The first
// one's is the hash itself, and none depends on what other requests there were.
func (e *Equals) Next(hash uint64) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil || len(e.seen) >= mostSeen {
		e.seen = map[uint64]uint64{}
	}
	n := e.seen[hash]
	e.seen[hash]++
	return hash + n*0x9e3779b97f4a7c15
}
