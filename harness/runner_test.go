package harness_test

import (
	"context"
	"errors"
	"iter"
	"math"
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

// answer is a server that answers every prompt with chunks at a fixed pace.
type answer struct {
	first, gap time.Duration
	chunks     int
}

func (a answer) Ask(ctx context.Context, _ harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		if !yield(harness.Chunk{At: time.Now(), Headers: true, HTTPStatus: 200}, nil) {
			return
		}
		for i := range a.chunks {
			wait := a.gap
			if i == 0 {
				wait = a.first
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				yield(harness.Chunk{}, ctx.Err())
				return
			}
			c := harness.Chunk{At: time.Now(), Text: "word", Tokens: 1}
			if i == a.chunks-1 {
				c.Finish = "length"
				c.Usage = &harness.Usage{PromptTokens: 3, OutputTokens: a.chunks, CachedTokens: harness.Unreported, ReasoningTokens: harness.Unreported}
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// echo is a dataset of one question; the drawn number makes each prompt tell
// which stream it came from.
type echo struct{}

func (echo) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(harness.Conversation{Turns: []harness.Prompt{{TokenIDs: []int{r.IntN(1000)}, Tokens: 1}}}) {
		}
	}, nil
}

func run(t *testing.T, client harness.Client, s harness.Scenario, sinks ...harness.Sink) (*harness.Run, []harness.Record) {
	t.Helper()
	s.Dataset = echo{}
	out, err := harness.Runner{Client: client, Sinks: sinks}.Run(t.Context(), s)
	require.NoError(t, err)
	return out, slices.Collect(out.Records)
}

func TestOpen_issuesWhenDueWhateverTheServerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := harness.Open{Arrivals: arrival.Even{PerSecond: 2}, For: 10 * time.Second}
		out, records := run(t, answer{first: 3 * time.Second, gap: time.Second, chunks: 3}, harness.Scenario{Load: load, Warmup: 4 * time.Second})
		require.Len(t, records, 20)
		for i, r := range records {
			assert.Equal(t, time.Duration(i)*500*time.Millisecond, r.Due)
			assert.Equal(t, r.Due, r.Sent)
			assert.Equal(t, 3*time.Second, r.TTFT())
			assert.Equal(t, 5*time.Second, r.E2E())
			assert.Equal(t, time.Second, r.TPOT())
			assert.Equal(t, r.Due < 4*time.Second, r.Warmup)
			assert.True(t, r.OK())
		}
		assert.Equal(t, 4*time.Second, out.From)
		assert.Equal(t, 10*time.Second, out.To)
	})
}

func TestOpen_waitingForASlotCountsFromDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 4, InFlight: 1}
		_, records := run(t, answer{first: 2 * time.Second, chunks: 1}, harness.Scenario{Load: load})
		require.Len(t, records, 4)
		for i, r := range records {
			assert.Equal(t, time.Duration(i)*time.Second, r.Lag(), "each waits for all before it")
			assert.Equal(t, time.Duration(i+2)*time.Second, r.TTFT())
		}
	})
}

func TestClosed_waitsThinksAndAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := harness.Closed{Users: 3, Think: harness.Think{Mean: time.Second}, For: 20 * time.Second}
		_, records := run(t, answer{first: 3 * time.Second, chunks: 1}, harness.Scenario{Load: load, Seed: 7})
		last := map[int]harness.Record{}
		for _, r := range records {
			if before, ok := last[r.User]; ok {
				assert.Equal(t, before.Done+time.Second, r.Due)
			} else {
				assert.Less(t, r.Due, time.Second, "users begin within one think time")
			}
			last[r.User] = r
		}
		assert.Len(t, last, 3)
		assert.Len(t, records, 15)
	})
}

func TestAbandonment_someUsersLeave(t *testing.T) {
	leavers := func() (seqs []int) {
		synctest.Test(t, func(t *testing.T) {
			load := harness.Open{Arrivals: arrival.Even{PerSecond: 10}, Requests: 400}
			_, records := run(t, answer{first: time.Second, gap: time.Second, chunks: 5}, harness.Scenario{Load: load, Seed: 3, Abandonment: harness.Abandonment{Share: .25, After: 2500 * time.Millisecond}})
			for _, r := range records {
				if r.Failure == harness.Canceled {
					seqs = append(seqs, r.Seq)
					assert.Equal(t, r.Due+2500*time.Millisecond, r.Done)
					assert.Len(t, r.Chunks, 2, "what had come by then is kept")
					assert.False(t, r.Failed(), "that is nobody's fault")
				} else {
					assert.True(t, r.OK())
				}
			}
		})
		return seqs
	}
	first := leavers()
	assert.InDelta(t, 100, len(first), 35, "four deviations")
	assert.Equal(t, first, leavers(), "and always the same")
	_, err := harness.Runner{}.Run(t.Context(), harness.Scenario{Dataset: echo{}, Load: harness.Closed{Users: 1, For: 1}, Abandonment: harness.Abandonment{Share: .5}})
	assert.ErrorContains(t, err, "users wait for some time")
}

func TestRunner_isAbandonedForAReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		seen := new(harness.Memory)
		runner := harness.Runner{Client: answer{first: 3 * time.Second, chunks: 1}, Every: 700 * time.Millisecond, Sinks: []harness.Sink{seen}, Abandon: func(now time.Duration) string {
			looks++
			answered := 0
			for r := range seen.Records() {
				assert.True(t, r.OK())
				answered++
			}
			if answered >= 10 {
				return "ten are enough"
			}
			return ""
		}}
		out, err := runner.Run(t.Context(), harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 2}, For: time.Hour}})
		require.NoError(t, err)
		assert.Equal(t, harness.Stop{Kind: harness.StopAbandoned, Detail: "ten are enough"}, out.Stopped)
		assert.Less(t, out.Length, 10*time.Second)
		assert.Equal(t, 11, looks, "at every sample until 7.7 s")
		interrupted := 0
		for r := range out.Records {
			if r.Failure == harness.Interrupted {
				interrupted++
			}
		}
		assert.Equal(t, 6, interrupted, "those in flight")
	})
}

// parrot answers with what it was last asked, and remembers all that it saw.
type parrot struct{ seen chan []string }

func (p parrot) Ask(_ context.Context, prompt harness.Prompt) iter.Seq2[harness.Chunk, error] {
	var texts []string
	for _, m := range prompt.Messages {
		texts = append(texts, m.Role+" "+m.Content)
	}
	p.seen <- texts
	return func(yield func(harness.Chunk, error) bool) {
		last := prompt.Messages[len(prompt.Messages)-1].Content
		for i, piece := range []string{last, "?"} {
			c := harness.Chunk{At: time.Now(), Text: piece}
			if i == 1 {
				c.Finish = "stop"
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// talk is one conversation, again and again.
type talk struct{ harness.Conversation }

func (t talk) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(t.Conversation) {
		}
	}, nil
}

func TestConversation_goesOnFromTheServersAnswers(t *testing.T) {
	turn := func(text string) harness.Prompt {
		return harness.Prompt{Messages: []harness.Message{{Role: "user", Content: text}}}
	}
	three := talk{harness.Conversation{GoesOn: true, Turns: []harness.Prompt{turn("a"), turn("b"), turn("c")}}}
	for _, load := range []harness.Load{harness.Open{Arrivals: arrival.Listed{Instants: []time.Duration{0}}, For: time.Minute, Think: harness.Think{Mean: 5 * time.Second}},
		harness.Closed{Users: 1, Requests: 3, Think: harness.Think{Mean: 5 * time.Second}}} {
		synctest.Test(t, func(t *testing.T) {
			seen := make(chan []string, 3)
			out, err := harness.Runner{Client: parrot{seen}}.Run(t.Context(), harness.Scenario{Dataset: three, Load: load})
			require.NoError(t, err)
			assert.Equal(t, []string{"user a"}, <-seen)
			assert.Equal(t, []string{"user a", "assistant a?", "user b"}, <-seen)
			assert.Equal(t, []string{"user a", "assistant a?", "user b", "assistant b?", "user c"}, <-seen)
			var last *harness.Record
			for r := range out.Records {
				if last != nil {
					assert.Equal(t, last.Done+5*time.Second, r.Due, "thought about")
					assert.Equal(t, last.Turn+1, r.Turn)
					assert.Equal(t, last.Session, r.Session, "one conversation")
				}
				last = &r
			}
		})
	}
}

func TestThink_timesSpreadAsTheyShall(t *testing.T) {
	for _, c := range []struct {
		think           harness.Think
		mean, deviation float64 // s
	}{{harness.Think{Mean: 2 * time.Second, Shape: harness.Exponential}, 2, 2}, {harness.Think{Mean: 2 * time.Second, Deviation: time.Second, Shape: harness.LogNormal}, 2, 1}} {
		synctest.Test(t, func(t *testing.T) {
			load := harness.Closed{Users: 8, Think: c.think, For: time.Hour}
			_, records := run(t, answer{first: time.Second, chunks: 1}, harness.Scenario{Load: load, Seed: 7})
			last := map[int]time.Duration{}
			n, sum, squares := 0.0, 0.0, 0.0
			for _, r := range records {
				if done, ok := last[r.User]; ok {
					v := (r.Due - done).Seconds()
					n, sum, squares = n+1, sum+v, squares+v*v
				}
				last[r.User] = r.Done
			}
			assert.InEpsilon(t, c.mean, sum/n, 0.05, "%v", c.think)
			assert.InEpsilon(t, c.deviation, math.Sqrt(squares/n-sum/n*sum/n), 0.1, "%v", c.think)
		})
	}
	_, err := harness.Runner{Client: nil}.Run(t.Context(), harness.Scenario{Dataset: echo{}, Load: harness.Closed{Users: 1, For: 1, Think: harness.Think{Shape: harness.LogNormal}}})
	assert.ErrorContains(t, err, "a mean above 0")
}

func TestClosed_stopsByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, records := run(t, answer{first: time.Second, chunks: 1}, harness.Scenario{Load: harness.Closed{Users: 3, Requests: 10}})
		assert.Len(t, records, 10)
	})
}

func TestRunner_gracesAnswersInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 3 * time.Second}}
		out, err := harness.Runner{Client: answer{first: time.Hour, chunks: 1}, Grace: time.Minute}.Run(t.Context(), s)
		require.NoError(t, err)
		records := slices.Collect(out.Records)
		require.Len(t, records, 3)
		for _, r := range records {
			assert.Equal(t, harness.Unanswered, r.Failure)
			assert.Equal(t, harness.NoTime, r.TTFT())
			assert.False(t, r.Good)
		}
		assert.Equal(t, 63*time.Second, out.Length)
	})
}

func TestRunner_interruptKeepsWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5500*time.Millisecond, cancel)
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: time.Minute}}
		out, err := harness.Runner{Client: answer{first: 2 * time.Second, chunks: 1}}.Run(ctx, s)
		require.NoError(t, err)
		records := slices.Collect(out.Records)
		require.Len(t, records, 6)
		assert.True(t, records[3].OK())
		assert.Equal(t, harness.Interrupted, records[4].Failure)
		assert.Equal(t, harness.Stop{Kind: harness.StopInterrupted}, out.Stopped)
		assert.Equal(t, 5500*time.Millisecond, out.Length)
	})
}

func TestRunner_keepsTheNameOfAFailure(t *testing.T) {
	refuse := asks(func(yield func(harness.Chunk, error) bool) {
		yield(harness.Chunk{}, &harness.AskError{Failure: harness.Refused, Err: errors.New("connection refused")})
	})
	halfway := asks(func(yield func(harness.Chunk, error) bool) {
		_ = yield(harness.Chunk{At: time.Now(), Text: "word"}, nil)
	})
	for failure, client := range map[harness.Failure]harness.Client{harness.Refused: refuse, harness.CutShort: halfway} {
		synctest.Test(t, func(t *testing.T) {
			_, records := run(t, client, harness.Scenario{Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 1}})
			require.Len(t, records, 1)
			assert.Equal(t, failure, records[0].Failure)
			assert.False(t, records[0].OK())
		})
	}
}

type asks func(func(harness.Chunk, error) bool)

func (a asks) Ask(context.Context, harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return iter.Seq2[harness.Chunk, error](a)
}

func TestScenario_streamsAreSeparate(t *testing.T) {
	dues := func(s harness.Scenario) (out []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			_, records := run(t, answer{first: time.Millisecond, chunks: 1}, s)
			for _, r := range records {
				out = append(out, r.Due)
			}
		})
		return out
	}
	open := func(seed uint64) harness.Scenario {
		return harness.Scenario{Seed: seed, Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 5}, For: 10 * time.Second}}
	}
	assert.Equal(t, dues(open(1)), dues(open(1)))
	assert.NotEqual(t, dues(open(1)), dues(open(2)))
}

func TestScenario_isCheckedBeforeTheLoad(t *testing.T) {
	open := harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: time.Minute}
	for want, s := range map[string]harness.Scenario{
		"no workload":           {Load: open},
		"no load":               {Dataset: echo{}},
		"leaves nothing":        {Dataset: echo{}, Load: open, Warmup: time.Minute},
		"no end":                {Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}}},
		"no arrivals":           {Dataset: echo{}, Load: harness.Open{For: time.Minute}},
		"must be at least 1":    {Dataset: echo{}, Load: harness.Closed{For: time.Minute}},
		"must be above 0":       {Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{}, For: time.Minute}},
		"too few for 8 users":   {Dataset: echo{}, Load: harness.Closed{Users: 8, Requests: 4}},
		"cannot be negative":    {Dataset: echo{}, Load: open, Warmup: -1},
		"think time is -1s; it": {Dataset: echo{}, Load: harness.Closed{Users: 1, Think: harness.Think{Mean: -time.Second}, For: 1}},
	} {
		_, err := harness.Runner{Client: answer{}}.Run(t.Context(), s)
		assert.ErrorContains(t, err, want)
	}
}

type broken struct{ harness.Memory }

func (*broken) Record(harness.Record) error { return errors.New("disk full") }

func TestSink_thatLosesSomethingIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, Requests: 2}}
		_, err := harness.Runner{Client: answer{chunks: 1}, Sinks: []harness.Sink{&broken{}}}.Run(t.Context(), s)
		assert.ErrorContains(t, err, "disk full")
	})
}

type failing struct{}

func (failing) Read(context.Context) ([]harness.Reading, error) {
	return nil, errors.New("404 at /metrics")
}

func TestWatch_missingReadingIsAGapAndAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 3 * time.Second}}
		out, err := harness.Runner{Client: answer{chunks: 1}, Samplers: []harness.Sampler{failing{}}}.Run(t.Context(), s)
		require.NoError(t, err)
		require.Len(t, out.Warnings, 1)
		assert.Contains(t, out.Warnings[0].Text, "404 at /metrics")
		for sample := range out.Samples {
			assert.Contains(t, []string{"client", "watch"}, sample.Source, "never a zero")
		}
	})
}

func TestWatch_samplesNoInstantTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the last answer ends as the clock ticks
		s := harness.Scenario{Load: harness.Open{Arrivals: arrival.Even{PerSecond: 1}, For: 3 * time.Second}}
		out, _ := run(t, answer{first: time.Second, chunks: 1}, s)
		seen := map[time.Duration]int{}
		for sample := range out.Samples {
			if sample.Series == harness.SeriesInFlight {
				seen[sample.At]++
			}
		}
		assert.Equal(t, map[time.Duration]int{0: 1, time.Second: 1, 2 * time.Second: 1, 3 * time.Second: 1}, seen)
	})
}

// counting is a source that answers late and counts what has been asked by then.
type counting struct {
	answer
	asked atomic.Int64
}

func (c *counting) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	c.asked.Add(1)
	return c.answer.Ask(ctx, p)
}

func (c *counting) Read(context.Context) ([]harness.Reading, error) {
	time.Sleep(300 * time.Millisecond)
	return []harness.Reading{{Source: "server", Series: "asked", Value: float64(c.asked.Load())}}, nil
}

func TestWatch_firstReadingIsBeforeTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &counting{answer: answer{chunks: 1}}
		s := harness.Scenario{Dataset: echo{}, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 10}, Requests: 5}}
		out, err := harness.Runner{Client: server, Samplers: []harness.Sampler{server}}.Run(t.Context(), s)
		require.NoError(t, err)
		var asked []float64
		for sample := range out.Samples {
			if sample.Series == "asked" {
				asked = append(asked, sample.Value)
			}
		}
		require.NotEmpty(t, asked)
		assert.Zero(t, asked[0])
		assert.EqualValues(t, 5, asked[len(asked)-1])
	})
}

func TestOpen_endsWithItsArrivals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := harness.Open{Arrivals: arrival.Listed{Instants: []time.Duration{0, time.Second, 2 * time.Second}}, For: time.Hour}
		out, records := run(t, answer{first: time.Second, chunks: 1}, harness.Scenario{Load: load})
		assert.Len(t, records, 3)
		assert.Equal(t, 2*time.Second+1, out.To)
		require.Len(t, out.Warnings, 1)
		assert.Contains(t, out.Warnings[0].Text, "the arrivals ended after 2s of a load of 1h0m0s")
	})
}

func TestOpen_countsTurnsAsRequests(t *testing.T) {
	turn := harness.Prompt{Messages: []harness.Message{{Role: "user", Content: "a"}}}
	three := talk{harness.Conversation{Turns: []harness.Prompt{turn, turn, turn}}}
	synctest.Test(t, func(t *testing.T) {
		out, err := harness.Runner{Client: answer{first: time.Second, chunks: 1}}.Run(t.Context(),
			harness.Scenario{Dataset: three, Load: harness.Open{Arrivals: arrival.Even{PerSecond: 0.4}, Requests: 10}})
		require.NoError(t, err)
		assert.Equal(t, 10, out.Requests)
	})
}
