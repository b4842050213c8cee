package mockvllm

import (
	"fmt"
	"slices"
	"time"
)

// ReplayUsers serves users offline as Replay serves a trace. Each asks one
// request after the other: At counts from the end of the one before it, and that
// of the first from when all began. Truth.Index counts through the requests of
// the first user, then through those of the second, and so on.
func ReplayUsers(c Config, users [][]Arrival, tell func(Truth)) error {
	r, err := newReplay(c, tell)
	if err != nil {
		return err
	}
	var whose, turn []int // of each request, by index
	for user, requests := range users {
		for i, a := range requests {
			if err := c.Profile.refuses(a); err != nil {
				return fmt.Errorf("request %d of user %d %w", i+1, user+1, err)
			}
			whose, turn = append(whose, user), append(turn, i)
		}
	}
	r.next = func() (*sequence, error) { return nil, nil }
	r.follow = func(ended *sequence, at time.Time) {
		if i := ended.index; i+1 < len(whose) && whose[i+1] == whose[i] {
			r.expect(r.sequence(users[whose[i]][turn[i+1]], i+1, at))
		}
	}
	for i := range whose {
		if turn[i] == 0 {
			r.expect(r.sequence(users[whose[i]][0], i, r.begin))
		}
	}
	return r.run()
}

// expect puts a request where it is due among those that are known.
func (r *replay) expect(s *sequence) {
	i, _ := slices.BinarySearchFunc(r.ahead, s, func(a, b *sequence) int {
		if a.queued.After(b.queued) {
			return 1
		}
		return -1 // of one instant, who came first
	})
	r.ahead = slices.Insert(r.ahead, i, s)
}
