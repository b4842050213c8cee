package dataset

import (
	"math"
	"math/rand/v2"
)

// A permutation of 0 to n − 1 that takes no memory, so that a thousand users can each
// have their own of ten million records. It is a Feistel network over a × b numbers,
// few more than n, followed until it falls below n (Black and Rogaway, "Ciphers with
// Arbitrary Finite Domains", 2002). It is to look shuffled, not to keep a secret.
type permutation struct {
	n, a, b uint64
	keys    [6]uint64
}

func newPermutation(r *rand.Rand, n int64) permutation {
	p := permutation{n: uint64(n)}
	p.a = max(1, uint64(math.Ceil(math.Sqrt(float64(n)))))
	p.b = (p.n + p.a - 1) / p.a
	for i := range p.keys {
		p.keys[i] = r.Uint64()
	}
	return p
}

// at is the i-th number of the permutation.
func (p permutation) at(i int64) int64 {
	x := uint64(i)
	for {
		if x = p.once(x); x < p.n {
			return int64(x)
		}
	}
}

func (p permutation) once(x uint64) uint64 {
	left, right := x%p.a, x/p.a
	for i, key := range p.keys {
		side := p.a
		if i%2 == 1 {
			side = p.b
		}
		left, right = right, (left+scramble(right^key)%side)%side
	}
	return p.a*right + left // an even number of rounds
}

// scramble is the last step of SplitMix64 (Steele, Lea and Flood, 2014).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
