package calibrate_test

import (
	"iter"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/mockvllm"
	"github.com/vllmspec/vllmspec/mockvllm/calibrate"
)

// observe is what a client of a server with this profile would have stored of n
// requests at a rate, with prompts between two lengths.
func observe(t *testing.T, p mockvllm.Profile, name string, n int, perSecond float64, from, to int) calibrate.Run {
	t.Helper()
	run := calibrate.Run{Name: name, Requests: make([]calibrate.Request, n)}
	draw := rand.New(rand.NewPCG(7, uint64(from)))
	var arrivals iter.Seq2[mockvllm.Arrival, error] = func(yield func(mockvllm.Arrival, error) bool) {
		at := time.Duration(0)
		for i := range n {
			at += time.Duration(draw.ExpFloat64() / perSecond * float64(time.Second))
			r := &run.Requests[i]
			*r = calibrate.Request{Sent: at, Prompt: from + draw.IntN(to-from), Output: 20 + draw.IntN(60)}
			if !yield(mockvllm.Arrival{At: at, Prompt: r.Prompt, Output: r.Output}, nil) {
				return
			}
		}
	}
	require.NoError(t, mockvllm.Replay(mockvllm.Config{Profile: p}, arrivals, func(tr mockvllm.Truth) {
		r := &run.Requests[tr.Index]
		r.TTFT = tr.Tokens[0].Sub(tr.Received)
		r.TPOT = tr.Tokens[len(tr.Tokens)-1].Sub(tr.Tokens[0]) / time.Duration(len(tr.Tokens)-1)
	}))
	return run
}

func profile(t *testing.T, model, gpu string) mockvllm.Profile {
	t.Helper()
	p, err := mockvllm.ProfileFor(model, gpu)
	require.NoError(t, err)
	return p
}

func TestFit_findsTheServerBehindTheRuns(t *testing.T) {
	server := profile(t, "llama-3.1-8b", "one A100")
	begin := profile(t, "llama-3.1-8b", "one L40S") // twice as slow
	begin.E = server.E                              // is not fitted
	begin.Blocks = server.Blocks
	runs := []calibrate.Run{
		observe(t, server, "short, quiet", 60, 1, 50, 300),
		observe(t, server, "short, busy", 200, 12, 50, 300),
		observe(t, server, "long", 60, 1.5, 3000, 9000),
	}
	got, rows, err := calibrate.Fit(begin, runs)
	require.NoError(t, err)
	for _, row := range rows {
		ttft, tpot := row.Errors()
		assert.Less(t, math.Abs(ttft), 0.05, "%+v", row)
		assert.Less(t, math.Abs(tpot), 0.03, "%+v", row)
	}

	unseen := observe(t, server, "unseen", 100, 6, 500, 2000)
	again := observe(t, got, "unseen", 100, 6, 500, 2000)
	var ttft, tpot, fitTTFT, fitTPOT time.Duration
	for i, r := range unseen.Requests {
		ttft, tpot = ttft+r.TTFT, tpot+r.TPOT
		fitTTFT, fitTPOT = fitTTFT+again.Requests[i].TTFT, fitTPOT+again.Requests[i].TPOT
	}
	assert.InEpsilon(t, ttft, fitTTFT, 0.05, "a load that it has not seen")
	assert.InEpsilon(t, tpot, fitTPOT, 0.03, "a load that it has not seen")
}

// closed is what a client would have stored of users who ask again as soon as
// they are answered.
func closed(t *testing.T, p mockvllm.Profile, users, each int) calibrate.Run {
	t.Helper()
	draw := rand.New(rand.NewPCG(3, 3))
	run, work := calibrate.Run{Name: "closed"}, make([][]mockvllm.Arrival, users)
	for u := range work {
		for range each {
			a := mockvllm.Arrival{At: time.Millisecond, Prompt: 100 + draw.IntN(900), Output: 20 + draw.IntN(60)}
			work[u] = append(work[u], a)
			run.Requests = append(run.Requests, calibrate.Request{User: u + 1, Prompt: a.Prompt, Output: a.Output})
		}
	}
	require.NoError(t, mockvllm.ReplayUsers(mockvllm.Config{Profile: p}, work, func(tr mockvllm.Truth) {
		r := &run.Requests[tr.Index]
		r.Sent = tr.Received.Sub(time.Unix(0, 0))
		r.TTFT = tr.Tokens[0].Sub(tr.Received)
		r.TPOT = tr.Tokens[len(tr.Tokens)-1].Sub(tr.Tokens[0]) / time.Duration(len(tr.Tokens)-1)
	}))
	return run
}

func TestScore_asManyUsersAskIt(t *testing.T) {
	server := profile(t, "llama-3.1-8b", "one A100")
	run := closed(t, server, 64, 6)
	rows, err := calibrate.Score(server, []calibrate.Run{run})
	require.NoError(t, err)
	ttft, tpot := calibrate.MeanErrors(rows)
	assert.Less(t, ttft, 0.02, "the server itself: users who are answered at one instant may queue in another order")
	assert.Less(t, tpot, 0.005, "the server itself")

	faster := server // in all its steps by a tenth, and with as many in flight
	for _, v := range []*float64{&faster.A, &faster.W, &faster.B, &faster.C, &faster.D, &faster.E} {
		*v *= 0.9
	}
	rows, err = calibrate.Score(faster, []calibrate.Run{run})
	require.NoError(t, err)
	for _, row := range rows {
		_, tpot := row.Errors()
		assert.InDelta(t, -0.1, tpot, 0.01, "%+v", row)
	}
}

func TestFit_refusesRunsThatDoNotSeparateTheCoefficients(t *testing.T) {
	server := profile(t, "llama-3.1-8b", "one A100")
	quiet, busy := observe(t, server, "quiet", 40, 1, 200, 250), observe(t, server, "busy", 100, 12, 200, 250)
	for says, runs := range map[string][]calibrate.Run{
		"no run":                    nil,
		"at least 20 are needed":    {{Name: "small", Requests: quiet.Requests[:10]}},
		"one context length only":   {quiet, busy},
		"one concurrency only":      {quiet, observe(t, server, "long", 40, .3, 3000, 4000)},
		"cannot be replayed on":     {quiet, busy, tooLong(quiet)},
		"answers of one token tell": {{Name: "one token", Requests: make([]calibrate.Request, 30)}},
	} {
		_, _, err := calibrate.Fit(server, runs)
		assert.ErrorContains(t, err, says)
	}
}

func tooLong(run calibrate.Run) calibrate.Run {
	out := calibrate.Run{Name: "too long"}
	for _, r := range run.Requests {
		r.Prompt = 1_000_000
		out.Requests = append(out.Requests, r)
	}
	return out
}
