package mockvllm

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
)

// ReplayUsers serves users offline as Replay serves a trace. Each asks one
// request after the other: At counts from the end of the one before it, and that
// of the first from when all began. Truth.Index counts through the requests of
// the first user, then through those of the second, and so on.
func ReplayUsers(c Config, users [][]Arrival, tell func(Truth)) error {
	r, err := newReplay(c, tell, func(*replay) (*engine.Sequence, time.Time, error) { return nil, time.Time{}, nil })
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
	expect := func(i int, since time.Time) {
		s, due := r.sequence(users[whose[i]][turn[i]], i, since)
		r.engine.Expect(due, s)
	}
	r.follow = func(i int, at time.Time) {
		if i+1 < len(whose) && whose[i+1] == whose[i] {
			expect(i+1, at)
		}
	}
	for i := range whose {
		if turn[i] == 0 {
			expect(i, r.begin)
		}
	}
	return r.engine.Run()
}
