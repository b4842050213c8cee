package ownrepo

import (
	"encoding/csv"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"

	"github.com/vllmspec/vllmspec/harness"
)

// Tickets are what customers asked: each is a chat with the instruction of our support desk.
type tickets struct{ path string }

// Conversations implements [harness.Dataset].
func (t tickets) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	file, err := os.Open(t.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.path, err)
	}
	return func(yield func(harness.Conversation) bool) {
		for {
			row := rows[r.IntN(len(rows))]
			prompt := harness.Prompt{Messages: []harness.Message{{Role: "system", Content: "You are the support desk of " + row[0] + "."}, {Role: "user", Content: row[1]}}}
			if !yield(harness.Conversation{Turns: []harness.Prompt{prompt}}) {
				return
			}
		}
	}, nil
}
