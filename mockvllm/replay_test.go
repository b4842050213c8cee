package mockvllm_test

import (
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
)

func sequenceOf(arrivals []mockvllm.Arrival) iter.Seq2[mockvllm.Arrival, error] {
	return func(yield func(mockvllm.Arrival, error) bool) {
		for _, a := range arrivals {
			if !yield(a, nil) {
				return
			}
		}
	}
}

// randomly is a Poisson process of requests of random lengths.
func randomly(n int, perSecond float64) (out []mockvllm.Arrival) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	at := time.Duration(0)
	for range n {
		at += time.Duration(r.ExpFloat64() / perSecond * float64(time.Second))
		out = append(out, mockvllm.Arrival{At: at, Prompt: 1 + r.IntN(2000), Output: 1 + r.IntN(300)})
	}
	return out
}

// gist is what two ways of serving a request must agree on.
type gist struct {
	received, first, last time.Duration
	tokens                int
}

func TestReplay_isWhatTheServerDoes(t *testing.T) {
	arrivals := randomly(200, 20)
	p := plain()
	p.Blocks, p.MaxSeqs = 400, 16 // small enough to queue and to preempt
	var offline, online []gist
	preempted := 0
	note := func(begin time.Time, into *[]gist, tr mockvllm.Truth) {
		*into = append(*into, gist{tr.Received.Sub(begin), tr.Tokens[0].Sub(begin), tr.Tokens[len(tr.Tokens)-1].Sub(begin), len(tr.Tokens)})
		preempted += tr.Preemptions
	}
	require.NoError(t, mockvllm.Replay(mockvllm.Config{Profile: p}, sequenceOf(arrivals), func(tr mockvllm.Truth) { note(time.Unix(0, 0), &offline, tr) }))
	assert.Positive(t, preempted)

	truths := make(chan mockvllm.Truth, len(arrivals))
	bubble(t, mockvllm.Config{Profile: p, Truth: func(tr mockvllm.Truth) { truths <- tr }}, func(t *testing.T, s *mockvllm.Server) {
		begin := time.Now()
		done := make(chan bool)
		for i, a := range arrivals {
			go func() {
				time.Sleep(a.At)
				ask(s, "/v1/completions", body{"prompt": ids(a.Prompt, i), "max_tokens": a.Output, "ignore_eos": true})
				done <- true
			}()
		}
		for range arrivals {
			<-done
			note(begin, &online, <-truths)
		}
	})
	byArrival := func(a, b gist) int { return int(a.received - b.received) }
	slices.SortFunc(offline, byArrival)
	slices.SortFunc(online, byArrival)
	assert.Equal(t, online, offline)
}

func TestReplay_sharesTheBeginningsItNames(t *testing.T) {
	trace := `{"timestamp": 0, "input_length": 1100, "output_length": 10, "hash_ids": [1, 2, 3]}
{"timestamp": 5000, "input_length": 1500, "output_length": 10, "hash_ids": [1, 2, 4]}
{"timestamp": 9000.5, "input_length": 100, "output_length": 10}
`
	var told []mockvllm.Truth
	require.NoError(t, mockvllm.Replay(mockvllm.Config{Profile: plain()}, mockvllm.ReadTrace(strings.NewReader(trace)), func(tr mockvllm.Truth) { told = append(told, tr) }))
	require.Len(t, told, 3)
	assert.Equal(t, []int{0, 1024, 0}, []int{told[0].CachedTokens, told[1].CachedTokens, told[2].CachedTokens})
	assert.Equal(t, 9000500*time.Microsecond, told[2].Received.Sub(time.Unix(0, 0)))
}

func TestReplay_traceThatCannotBeServedSaysWhere(t *testing.T) {
	for says, trace := range map[string]string{
		`line 2: no "timestamp"`:      `{"timestamp": 0, "input_length": 1, "output_length": 1}` + "\n{}",
		"line 1: invalid character":   "x",
		"request 2 of the trace is":   `{"timestamp": 9, "input_length": 1, "output_length": 1}` + "\n" + `{"timestamp": 3, "input_length": 1, "output_length": 1}`,
		"request 1 of the trace has":  `{"timestamp": 9, "input_length": 0, "output_length": 1}`,
		"request 1 of the trace need": `{"timestamp": 9, "input_length": 100000, "output_length": 1}`,
	} {
		err := mockvllm.Replay(mockvllm.Config{Profile: plain()}, mockvllm.ReadTrace(strings.NewReader(trace)), func(mockvllm.Truth) {})
		assert.ErrorContains(t, err, says)
	}
}

func TestReplay_usersAskAgainWhenTheyAreAnswered(t *testing.T) {
	profile := plain()
	user := func(pause time.Duration) (out []mockvllm.Arrival) {
		for range 5 {
			out = append(out, mockvllm.Arrival{At: pause, Prompt: 100, Output: 20})
		}
		return out
	}
	users := [][]mockvllm.Arrival{user(0), {}, user(time.Second), user(10 * time.Millisecond)}
	told := make([]mockvllm.Truth, 15)
	replay := func(profile mockvllm.Profile) {
		require.NoError(t, mockvllm.ReplayUsers(mockvllm.Config{Profile: profile}, users, func(tr mockvllm.Truth) { told[tr.Index] = tr }))
	}
	for _, slower := range []float64{1, 3} {
		profile.W *= slower
		replay(profile)
		for i, tr := range told {
			since := time.Unix(0, 0)
			if i%5 > 0 {
				since = told[i-1].Ended
			}
			assert.Equal(t, []time.Duration{0, time.Second, 10 * time.Millisecond}[i/5], tr.Received.Sub(since), "request %d", i)
			assert.Len(t, tr.Tokens, 20)
		}
	}
	err := mockvllm.ReplayUsers(mockvllm.Config{Profile: profile}, [][]mockvllm.Arrival{{{Prompt: 1, Output: 1}, {Prompt: 1}}}, nil)
	assert.EqualError(t, err, "request 2 of user 1 has 1 prompt and 0 output tokens; both must be at least 1")
}

func TestReplay_usersWhoAskOnceAreATrace(t *testing.T) {
	arrivals := randomly(200, 20)
	var trace, users []mockvllm.Truth
	require.NoError(t, mockvllm.Replay(mockvllm.Config{Profile: plain()}, sequenceOf(arrivals), func(tr mockvllm.Truth) { trace = append(trace, tr) }))
	require.NoError(t, mockvllm.ReplayUsers(mockvllm.Config{Profile: plain()}, slices.Collect(slices.Chunk(arrivals, 1)), func(tr mockvllm.Truth) { users = append(users, tr) }))
	assert.Equal(t, trace, users)
}

// BenchmarkReplay is how much faster than real a busy server is replayed.
func BenchmarkReplay(b *testing.B) {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	require.NoError(b, err)
	arrivals := randomly(8*60*8, 8) // eight minutes at 8 per second
	var end time.Time
	for b.Loop() {
		require.NoError(b, mockvllm.Replay(mockvllm.Config{Profile: profile}, sequenceOf(arrivals), func(tr mockvllm.Truth) { end = tr.Ended }))
	}
	b.ReportMetric(end.Sub(time.Unix(0, 0)).Seconds()*float64(b.N)/b.Elapsed().Seconds(), "times-real-time")
}
