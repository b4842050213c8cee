package dataset

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/dataset/internal/tokens"
)

// Cached is a dataset of which so much is found in the server's prefix cache. What
// is to be found comes from a few conversations that are asked before the load:
// see Before. All others have a salt of their own (vLLM's cache_salt), under which
// nothing has been asked.
type Cached struct {
	harness.Dataset
	Share float64 // of prompt tokens; 0 is a cold cache, 1 a warm one, in which all is found that can be
	Seed  uint64  // of the conversations that are found
	Run   string  // tells one run's salts from those of the run before

	once sync.Once
	pool []harness.Conversation // that are found; all streams share it
	err  error
}

// pooled is how many conversations are asked beforehand: few enough for any cache.
const pooled = 32

func (d *Cached) String() string {
	switch d.Share {
	case 0:
		return fmt.Sprintf("%v, each with a cold cache", d.Dataset)
	case 1:
		return fmt.Sprintf("%v, of them %d that are in the cache", d.Dataset, pooled)
	}
	return fmt.Sprintf("%v, with %.4g %% of prompt tokens in the cache", d.Dataset, 100*d.Share)
}

// Before is what is to be asked before the load.
func (d *Cached) Before() ([]harness.Prompt, error) {
	pool, err := d.found()
	var prompts []harness.Prompt
	for _, c := range pool {
		prompt := c.Turns[0]
		prompt.MaxTokens, prompt.IgnoreEOS = 1, true
		prompts = append(prompts, prompt)
	}
	return prompts, err
}

func (d *Cached) found() ([]harness.Conversation, error) {
	d.once.Do(func() { d.pool, d.err = d.draw() })
	return d.pool, d.err
}

func (d *Cached) draw() (pool []harness.Conversation, err error) {
	if d.Share == 0 {
		return nil, nil
	}
	conversations, err := d.Dataset.Conversations(rand.New(rand.NewPCG(d.Seed, 0xcac4ed)))
	if err != nil {
		return nil, err
	}
	all, found := 0, 0
	for c := range conversations {
		if c.Err != nil {
			return nil, c.Err
		}
		c = salted(c, d.Run)
		all, found = all+tokensOf(c), found+findable(c)
		if pool = append(pool, c); len(pool) == pooled {
			break
		}
	}
	if most := float64(found) / float64(max(1, all)); d.Share < 1 && d.Share > most {
		return nil, fmt.Errorf("%.4g %% of prompt tokens cannot be found in the prefix cache: of these prompts it is %.3g %% at most, because the server keeps whole blocks of %d tokens and computes the last token anyway", 100*d.Share, 100*most, tokens.CacheBlock)
	}
	if len(pool) == 0 {
		return nil, errors.New("there is no conversation that could be in the cache")
	}
	return pool, nil
}

// Conversations implements [harness.Dataset]. Whether a conversation is one of
// those that are found is decided so that the share is kept all along.
func (d *Cached) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	fresh, err := d.Dataset.Conversations(r)
	if err != nil {
		return nil, err
	}
	pool, err := d.found()
	if err != nil {
		return nil, err
	}
	draws := rand.New(rand.NewPCG(r.Uint64(), 0x5a17))
	return func(yield func(harness.Conversation) bool) {
		all, found := 0, 0
		for c := range fresh {
			if c.Err == nil && len(pool) > 0 {
				known := pool[draws.IntN(len(pool))]
				more := findable(known)
				if d.Share == 1 || float64(found)+float64(more)/2 <= d.Share*float64(all+tokensOf(known)) {
					all, found = all+tokensOf(known), found+more
					if !yield(known) {
						return
					}
					continue
				}
			}
			if c.Err == nil {
				all += tokensOf(c)
			}
			c = salted(c, fmt.Sprintf("%s-%016x", d.Run, draws.Uint64()))
			for i := range c.Turns {
				c.Turns[i].MediaSalt = d.Run // images that prompts share are none of their prefixes
			}
			if !yield(c) {
				return
			}
		}
	}, nil
}

// salted is a conversation under a salt. It is made anew: its turns may be asked
// again under another one.
func salted(c harness.Conversation, salt string) harness.Conversation {
	turns := make([]harness.Prompt, len(c.Turns))
	for i, turn := range c.Turns {
		turn.CacheSalt = salt
		turns[i] = turn
	}
	c.Turns = turns
	return c
}

// tokensOf is how many tokens the first question has, or for texts about how many:
// four bytes a token.
func tokensOf(c harness.Conversation) int {
	p := c.Turns[0]
	if n := max(p.Tokens, len(p.TokenIDs)); n > 0 {
		return n
	}
	bytes := len(p.Text)
	for _, m := range p.Messages {
		bytes += len(m.Content)
	}
	return 1 + bytes/4
}

// findable is how many of them can be found in a prefix cache.
func findable(c harness.Conversation) int {
	return (tokensOf(c) - 1) / tokens.CacheBlock * tokens.CacheBlock
}
