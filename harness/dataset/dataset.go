// Package dataset is what is asked: conversations from files in the formats
// that people have, and synthetic prompts of an exact length.
//
// Every dataset is a plain value. Its source is read and checked whole before
// the first request is due, and an error names the file and the line or the
// conversation.
package dataset

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
)

// shuffled yields conversations in an order drawn anew each time round, without
// end: no conversation comes again before every other one has come.
func shuffled(r *rand.Rand, all []harness.Conversation) iter.Seq[harness.Conversation] {
	return func(yield func(harness.Conversation) bool) {
		for {
			for _, i := range r.Perm(len(all)) {
				if !yield(all[i]) {
					return
				}
			}
		}
	}
}

// describe is a dataset for the reader of a manifest.
func describe(path string, maxTokens int, full bool) string {
	parts := []string{path}
	if maxTokens > 0 {
		parts = append(parts, fmt.Sprintf("answers of at most %d tokens", maxTokens))
	}
	if full {
		parts = append(parts, "each at full length")
	}
	return strings.Join(parts, ", ")
}
