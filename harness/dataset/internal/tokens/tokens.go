// Package tokens draws token ids, and holds what datasets and traces both take for granted of tokens.
package tokens

import "math/rand/v2"

// Most is the longest prompt or answer that a file may ask for: more than any model's context.
const Most = 100_000_000

// CacheBlock is how many tokens the server's prefix cache keeps or forgets together, unless set otherwise.
const CacheBlock = 16

// Token ids that are words, or parts of them, in every vocabulary in use: past
// the bytes and the control tokens, below the end of the smallest vocabulary.
const (
	firstWord = 1_000
	lastWord  = 30_000
)

// Random is the id of a random word.
func Random(r *rand.Rand) int { return firstWord + r.IntN(lastWord-firstWord) }

// Fill fills ids with random words.
func Fill(ids []int, r *rand.Rand) {
	for i := range ids {
		ids[i] = Random(r)
	}
}
