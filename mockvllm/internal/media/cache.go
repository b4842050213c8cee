package media

import "sync"

// mostKept is how many media a cache remembers, about as many as vLLM's 4 GiB hold; after so many it forgets them.
const mostKept = 4096

// A Cache remembers which media were seen, as vLLM's multimodal cache does. The zero Cache has seen none.
type Cache struct {
	mu   sync.Mutex
	seen map[uint64]bool
}

// Look looks media up and keeps them. It returns how many were there.
func (c *Cache) Look(media []Medium) (hits int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range media {
		if c.seen[m.Hash] {
			hits++
		}
		if c.seen == nil || len(c.seen) >= mostKept {
			c.seen = map[uint64]bool{}
		}
		c.seen[m.Hash] = true
	}
	return hits
}

// Forget empties the cache.
func (c *Cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = nil
}
