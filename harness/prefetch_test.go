package harness_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
)

// slow is a dataset that takes its time to draw: a large one on a slow disk.
type slow struct {
	each time.Duration
	of   int // 0: without end
}

func (d slow) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for i := 0; d.of == 0 || i < d.of; i++ {
			time.Sleep(d.each)
			if !yield(harness.Conversation{Turns: []harness.Prompt{{TokenIDs: []int{i}, Tokens: 1 + i}}}) {
				return
			}
		}
	}, nil
}

// preparing is a client that needs time to make a body.
type preparing struct {
	answer
	takes time.Duration
	bare  *atomic.Int32 // prompts that were asked without one
}

// made is a request that was made.
type made struct{}

func (made) Bytes() int { return 4 }

func (p preparing) Prepare(of harness.Prompt) harness.Prompt {
	time.Sleep(p.takes)
	of.Request = made{}
	return of
}

func (p preparing) Ask(ctx context.Context, of harness.Prompt) iter.Seq2[harness.Chunk, error] {
	if of.Request == nil {
		p.bare.Add(1)
	}
	return p.answer.Ask(ctx, of)
}

func TestPrefetch_makesNoRequestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Bursts of 40 at one instant, a second apart; drawing one takes 15 ms, making its body 5.
		var bursts []time.Duration
		for i := range 400 {
			bursts = append(bursts, time.Duration(i/40)*time.Second)
		}
		client := preparing{answer{first: time.Millisecond, chunks: 1}, 5 * time.Millisecond, new(atomic.Int32)}
		out, err := harness.Runner{Client: client}.Run(t.Context(), harness.Scenario{Dataset: slow{each: 15 * time.Millisecond},
			Load: harness.Open{Arrivals: arrival.Listed{Instants: bursts}, Requests: len(bursts)}})
		require.NoError(t, err)
		n := 0
		for r := range out.Records {
			assert.Zero(t, r.Lag(), "request %d", r.Seq)
			assert.Equal(t, r.Seq+1, r.RequestedPromptTokens, "in their order")
			n++
		}
		assert.Equal(t, len(bursts), n)
		assert.Zero(t, client.bare.Load())
	})
}

func TestPrefetch_nextQuestionIsReadyWhenTheUserIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := preparing{answer{first: 30 * time.Millisecond, chunks: 1}, 5 * time.Millisecond, new(atomic.Int32)}
		out, err := harness.Runner{Client: client}.Run(t.Context(), harness.Scenario{Dataset: slow{each: 15 * time.Millisecond},
			Load: harness.Closed{Users: 3, For: time.Second}})
		require.NoError(t, err)
		n := 0
		for r := range out.Records {
			assert.Zero(t, r.Lag())
			n++
		}
		assert.Equal(t, 3*34, n, "30 ms each, one after the other")
		assert.Zero(t, client.bare.Load())
	})
}

func TestDataset_mayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, few := range []int{1, 63, 64, 65, 200} {
			out, err := harness.Runner{Client: answer{chunks: 1}}.Run(t.Context(), harness.Scenario{Dataset: slow{of: few},
				Load: harness.Open{Arrivals: arrival.Even{PerSecond: 100}, For: time.Minute}})
			require.NoError(t, err)
			n := 0
			for range out.Records {
				n++
			}
			assert.Equal(t, few, n)
			require.Len(t, out.Warnings, 1)
			assert.Contains(t, out.Warnings[0].Text, "the dataset ended")
		}
	})
}

// unreadable is a dataset whose file breaks after three conversations.
type unreadable struct{}

func (unreadable) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for range 3 {
			if !yield(harness.Conversation{Turns: []harness.Prompt{{Text: "a"}}}) {
				return
			}
		}
		yield(harness.Conversation{Err: errors.New("x.jsonl: the disk is gone")})
	}, nil
}

func TestDataset_thatCannotBeReadEndsTheLoad(t *testing.T) {
	for _, load := range []harness.Load{harness.Open{Arrivals: arrival.Even{PerSecond: 100}, For: time.Minute}, harness.Closed{Users: 1, For: time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			out, err := harness.Runner{Client: answer{chunks: 1}}.Run(t.Context(), harness.Scenario{Dataset: unreadable{}, Load: load})
			require.NoError(t, err)
			n := 0
			for r := range out.Records {
				assert.True(t, r.OK())
				n++
			}
			assert.Equal(t, 3, n)
			require.Len(t, out.Warnings, 1)
			assert.Contains(t, out.Warnings[0].Text, "x.jsonl: the disk is gone")
		})
	}
}

// TestThink_asLongAsTheClass has two turns a second apart by the load and
// five by the conversation.
func TestThink_asLongAsTheClass(t *testing.T) {
	for _, load := range []harness.Load{
		harness.Open{Arrivals: arrival.Listed{Instants: []time.Duration{0}}, For: time.Minute, Think: harness.Think{Mean: time.Second}},
		harness.Closed{Users: 1, Requests: 3, Think: harness.Think{Mean: time.Second}},
	} {
		synctest.Test(t, func(t *testing.T) {
			out, err := harness.Runner{Client: answer{chunks: 1}}.Run(t.Context(), harness.Scenario{Dataset: thoughtful{}, Load: load})
			require.NoError(t, err)
			records := slices.Collect(out.Records)
			require.GreaterOrEqual(t, len(records), 2)
			assert.Equal(t, 5*time.Second, records[1].Due-records[0].Done)
			if len(records) > 2 {
				assert.Equal(t, time.Second, records[2].Due-records[1].Done, "before the user's next conversation")
			}
		})
	}
}

type thoughtful struct{}

func (thoughtful) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(harness.Conversation{Turns: []harness.Prompt{{Text: "a"}, {Text: "b"}}, Think: harness.Think{Mean: 5 * time.Second}}) {
		}
	}, nil
}

// large is a client whose bodies are of 20 MiB; it counts those that are ready and not asked yet.
type large struct {
	answer
	ready, most *atomic.Int32
}

type heavy struct{}

func (heavy) Bytes() int { return 20 << 20 }

func (l large) Prepare(p harness.Prompt) harness.Prompt {
	if n := l.ready.Add(1); n > l.most.Load() {
		l.most.Store(n)
	}
	p.Request = heavy{}
	return p
}

func (l large) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	l.ready.Add(-1)
	return l.answer.Ask(ctx, p)
}

func TestPrefetch_boundsTheBytesThatAreReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := large{answer{first: time.Millisecond, chunks: 1}, new(atomic.Int32), new(atomic.Int32)}
		out, err := harness.Runner{Client: client}.Run(t.Context(), harness.Scenario{Dataset: slow{each: time.Millisecond},
			Load: harness.Open{Arrivals: arrival.Even{PerSecond: 10}, Requests: 100}})
		require.NoError(t, err)
		assert.Equal(t, 100, out.Requests)
		assert.LessOrEqual(t, client.most.Load(), int32(4), "64 MiB, and one more that waits for room")
		assert.GreaterOrEqual(t, client.most.Load(), int32(3), "and they are made before they are due")
	})
}

// TestPrefetch_allUsersHaveOneBound would have a body ready for each of forty users.
func TestPrefetch_allUsersHaveOneBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := large{answer{first: time.Millisecond, chunks: 1}, new(atomic.Int32), new(atomic.Int32)}
		var most atomic.Int32
		time.AfterFunc(50*time.Second, func() { most.Store(client.most.Load()) }) // when users end, what they do not ask is still counted
		out, err := harness.Runner{Client: client}.Run(t.Context(), harness.Scenario{Dataset: slow{each: time.Microsecond},
			Load: harness.Closed{Users: 40, For: time.Minute, Think: harness.Think{Mean: 10 * time.Second}}})
		require.NoError(t, err)
		assert.Greater(t, out.Requests, 100)
		assert.LessOrEqual(t, most.Load(), int32(5), "64 MiB, and those that are needed at once")
		assert.GreaterOrEqual(t, most.Load(), int32(3))
	})
}
