package dataset

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPermutation_hasEveryNumberOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int64{1, 2, 3, 5, 16, 17, 240, 1000, 99_991} {
		order := newPermutation(r, n)
		seen := make([]bool, n)
		for i := range n {
			at := order.at(i)
			require.False(t, seen[at], "%d comes again among %d", at, n)
			seen[at] = true
		}
	}
}

// TestPermutation_looksShuffled counts how often neighbours stay neighbours, and how
// far numbers move: a random permutation of n keeps two of them together, and moves
// each by n / 3 on average.
func TestPermutation_looksShuffled(t *testing.T) {
	const n = 10_000
	r := rand.New(rand.NewPCG(2, 1))
	for range 20 {
		order := newPermutation(r, n)
		together, moved := 0, 0.0
		for i := range int64(n) {
			at := order.at(i)
			if i > 0 && (at-order.at(i-1) == 1 || order.at(i-1)-at == 1) {
				together++
			}
			moved += float64(max(at-i, i-at))
		}
		assert.Less(t, together, 12)
		assert.InEpsilon(t, n/3.0, moved/n, 0.05)
	}
	assert.NotEqual(t, newPermutation(r, n).keys, newPermutation(r, n).keys)
}
