package ahead_test

import (
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/internal/ahead"
)

// counted yields numbers from 1 on, and counts what was drawn.
func counted(drawn *atomic.Int64, most int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 1; i <= most; i++ {
			drawn.Add(1)
			if !yield(i) {
				return
			}
		}
	}
}

func each(size int) func(*int) int { return func(*int) int { return size } }

// rest is all that still comes.
func rest(q *ahead.Queue[int]) (all []int) {
	for one, ok := q.Next(); ok; one, ok = q.Next() {
		all = append(all, one)
	}
	return all
}

func TestQueue_keepsTheOrderAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drawn atomic.Int64
		q := ahead.Start(ahead.NewBudget(1<<20, 1<<20), counted(&drawn, 10), 4, each(1))
		synctest.Wait()
		assert.EqualValues(t, 4, drawn.Load(), "so many ahead, and no more")
		assert.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, rest(q))
		q.Stop()
	})
}

func TestStart_returnsWithTheFirstBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		more := make(chan bool)
		q := ahead.Start(ahead.NewBudget(1000, 20), func(yield func(int) bool) {
			for i := 1; i < 3 || <-more; i++ {
				if !yield(i) {
					return
				}
			}
		}, 64, each(10))
		one, ok := q.Next()
		assert.Equal(t, []any{1, true}, []any{one, ok}, "the third is still being made")
		close(more)
		q.Stop()
	})
}

// TestQueue_allHaveOneBudget has two hundred users of bodies of 20 MiB, where 64 MiB may be ready.
func TestQueue_allHaveOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drawn atomic.Int64
		b, users := ahead.NewBudget(64, 4), []*ahead.Queue[int]{}
		for range 200 {
			users = append(users, ahead.Start(b, counted(&drawn, 5), 1, each(20)))
		}
		synctest.Wait()
		before := drawn.Load()
		assert.EqualValues(t, 3, before, "ready for all together; not one for each user")
		one, ok := users[199].Next()
		assert.Equal(t, []any{1, true}, []any{one, ok}, "what is needed now is made whatever is ready")
		synctest.Wait()
		assert.EqualValues(t, 4, drawn.Load())
		users[0].Next()
		synctest.Wait()
		assert.EqualValues(t, 5, drawn.Load(), "and another one in the place of what was taken")
		for _, q := range users {
			q.Stop()
		}
		var later atomic.Int64
		again := ahead.Start(b, counted(&later, 5), 5, each(20))
		synctest.Wait()
		assert.EqualValues(t, 3, later.Load(), "what was ready when they ended takes no room")
		again.Stop()
	})
}

func TestQueue_theFirstIsNotTakenForTypical(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drawn atomic.Int64
		q := ahead.Start(ahead.NewBudget(100, 1), counted(&drawn, 50), 50, func(i *int) int { return min(*i, 2)*40 - 39 })
		synctest.Wait()
		assert.EqualValues(t, 3, drawn.Load(), "one small one and two of 41")
		assert.Len(t, rest(q), 50)
		q.Stop()
	})
}

func TestStop_ofOneThatWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drawn atomic.Int64
		b := ahead.NewBudget(10, 10)
		full := ahead.Start(b, counted(&drawn, 5), 1, each(10))
		short := ahead.Start(b, counted(&drawn, 5), 1, each(10))
		short.Stop()
		one, ok := short.Next()
		assert.Equal(t, []any{0, false}, []any{one, ok})
		assert.EqualValues(t, 1, drawn.Load())
		full.Stop()
	})
}
