package calibration

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A workload is what calibrations ask of the mock: a chat whose prompts and answers
// have log-normal lengths.
type workload struct {
	profile        mockvllm.Profile
	prompt, output float64 // tokens, on average
}

// spread is the deviation of the logarithm of lengths, longest the longest answer.
const (
	spread  = 0.6
	longest = 2048
)

func (l workload) lengths(r *rand.Rand) (prompt, output int) {
	draw := func(mean float64) int {
		return max(1, int(mean*math.Exp(r.NormFloat64()*spread-spread*spread/2)))
	}
	return draw(l.prompt), min(longest, draw(l.output))
}

// plan is one run of so many requests, by a Poisson process.
func (l workload) plan(requests int, perSecond float64, seed uint64, rows []harness.Objective) experiment.Plan {
	length := func(mean float64) dataset.Length {
		return dataset.Length{Mean: int(mean), Deviation: int(mean * math.Sqrt(math.Expm1(spread*spread))), LogNormal: true}
	}
	return experiment.Plan{
		Scenario: harness.Scenario{Name: "calibration", Seed: seed, Objectives: rows,
			Dataset: dataset.Synthetic{Prompt: length(l.prompt), Answer: length(l.output)},
			Load:    harness.Open{Arrivals: arrival.Poisson{PerSecond: perSecond}, Requests: requests}},
		Target: experiment.Target{Model: l.profile.Name, GPU: l.profile.GPU},
	}
}

// carriedOut is a plan that was carried out by replay; then judges it.
func carriedOut(ctx context.Context, replay experiment.Replay, plan experiment.Plan, then func(*experiment.Experiment) error) error {
	session := &experiment.Session{Place: experiment.Place{Replay: replay}}
	defer session.Close()
	e := session.New(plan)
	err := e.Run(ctx)
	if err == nil {
		err = then(e)
	}
	_, unfinished := e.Finish(err)
	return errors.Join(err, unfinished)
}

// arrivals are n requests of a Poisson process.
func (l workload) arrivals(n int, perSecond float64, seed uint64) iter.Seq2[mockvllm.Arrival, error] {
	return func(yield func(mockvllm.Arrival, error) bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		at := 0.0
		for range n {
			at += r.ExpFloat64() / perSecond
			prompt, output := l.lengths(r)
			if !yield(mockvllm.Arrival{At: time.Duration(at * 1e9), Prompt: prompt, Output: output}, nil) {
				return
			}
		}
	}
}

// records are what a perfect client would have recorded of n requests: the mock's
// own instants.
func (l workload) records(n int, perSecond float64, seed uint64) ([]harness.Record, error) {
	out := make([]harness.Record, n)
	begin := time.Unix(0, 0)
	err := mockvllm.Replay(mockvllm.Config{Profile: l.profile}, l.arrivals(n, perSecond, seed), func(t mockvllm.Truth) {
		out[t.Index] = recordOf(t, begin)
	})
	return out, err
}

// runOf is a run of a scenario, with these records in its measured window.
func runOf(s harness.Scenario, records []harness.Record) *harness.Run {
	from, to := records[0].Due, records[len(records)-1].Due+1
	s.Load = harness.Open{Arrivals: arrival.Poisson{PerSecond: float64(len(records)) / (to - from).Seconds()}}
	return &harness.Run{From: from, To: to, Length: to, Requests: len(records), Scenario: s,
		Records: slices.Values(records), Samples: func(func(harness.Sample) bool) {}}
}

func recordOf(t mockvllm.Truth, begin time.Time) harness.Record {
	due := t.Received.Sub(begin)
	r := harness.NewRecord(t.Index, due)
	r.Session = t.Index
	r.Sent, r.Done = due, t.Ended.Sub(begin)
	r.Chunks = make([]time.Duration, len(t.Tokens))
	for i, at := range t.Tokens {
		r.Chunks[i] = at.Sub(begin)
	}
	if len(t.Tokens) > 0 {
		r.Headers, r.FirstAnswer = r.Chunks[0], r.Chunks[0]
	}
	r.PromptTokens, r.OutputTokens = t.PromptTokens, len(t.Tokens)
	r.Finish = t.Finish
	if !t.Whole {
		r.Failure = harness.CutShort
	}
	return r
}

// chat is what is asked of a small model on one GPU.
func chat() workload {
	profile, err := mockvllm.ProfileFor("llama-3.1-8b", "one H100")
	if err != nil {
		panic(err) // it is one of the mock's own
	}
	return workload{profile: profile, prompt: 512, output: 128}
}

// capacity is how many requests per second the server ends where there is always a
// queue.
func (l workload) capacity() (float64, error) {
	const n = 20000
	var end time.Time
	err := mockvllm.Replay(mockvllm.Config{Profile: l.profile}, l.arrivals(n, 1e6, 1), func(t mockvllm.Truth) {
		if t.Ended.After(end) {
			end = t.Ended
		}
	})
	return n / end.Sub(time.Unix(0, 0)).Seconds(), err
}
