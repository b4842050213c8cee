// Package calibrate holds a profile of the mock against what a real server did:
// it replays stored runs offline and compares the latencies. To fit one, it does
// so again and again, and moves the coefficients until they are the server's.
//
// Requests of an open loop come when they came; the users of a closed loop ask
// again when they are answered, as much later as they did, so that a mock that
// is faster has as many in flight.
//
// Runs show A and W only in their sum, which is fitted; its parts keep the ratio
// that they have in the profile that it begins with. E, which matters for the
// longest prompts only, stays as it is there. The others are distinguished only by
// runs whose context lengths and concurrency differ; without that the fit is
// refused.
package calibrate

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"time"

	"gonum.org/v1/gonum/optimize"

	"github.com/vllmspec/vllmspec/mockvllm"
)

// A Request is one answered request of a run, as its client saw it.
type Request struct {
	User       int           // of a closed loop, from 1; 0 in an open one
	Sent       time.Duration // since the run began
	Prompt     int           // tokens
	Output     int           // tokens
	Cached     int           // prompt tokens that the server found in its cache
	TTFT, TPOT time.Duration // from Sent; between output tokens
}

func (r Request) end() time.Duration {
	return r.Sent + r.TTFT + time.Duration(max(0, r.Output-1))*r.TPOT
}

// A Run is the requests of one run of a server.
type Run struct {
	Name     string
	Requests []Request
}

// A Row compares the server with the mock over some requests of a run whose
// prompts are about as long.
type Row struct {
	Run            string
	Requests       int
	Prompt         float64 // mean tokens
	Concurrency    float64 // mean requests in flight during the run
	TTFT, MockTTFT time.Duration
	TPOT, MockTPOT time.Duration
	requests       []int   // of the run, by index
	context        float64 // mean tokens that a step reads for one of them
}

// Errors are the relative errors of the mock: 0.1 is a tenth more than the
// server's.
func (r Row) Errors() (ttft, tpot float64) {
	return float64(r.MockTTFT)/float64(r.TTFT) - 1, float64(r.MockTPOT)/float64(r.TPOT) - 1
}

// MeanErrors are the mean sizes of the rows' errors, whichever way they go.
func MeanErrors(rows []Row) (ttft, tpot float64) {
	for _, row := range rows {
		t, p := row.Errors()
		ttft, tpot = ttft+math.Abs(t)/float64(len(rows)), tpot+math.Abs(p)/float64(len(rows))
	}
	return ttft, tpot
}

// groups into which a run's requests are divided, by the length of their prompts.
const groups = 4

// What the search may cost: replays of all runs at one opening of the simplex,
// and openings.
const (
	evaluations = 250
	restarts    = 6
)

// Score tells how well a profile repeats the runs, which need not be such as a
// profile could be fitted to.
func Score(p mockvllm.Profile, runs []Run) ([]Row, error) {
	rows, err := divide(runs)
	if err != nil {
		return nil, err
	}
	if rows, err = measure(p, runs, rows); err != nil {
		return nil, fmt.Errorf("the runs cannot be replayed on %s: %w", p.Name, err)
	}
	return rows, nil
}

// Fit returns the profile that repeats the runs best, beginning with one whose
// settings (sequences, tokens in a step, cache) are the server's, and how well
// it does.
func Fit(begin mockvllm.Profile, runs []Run) (mockvllm.Profile, []Row, error) {
	rows, err := divide(runs)
	if err != nil {
		return begin, nil, err
	}
	if err := identifiable(rows); err != nil {
		return begin, nil, err
	}
	loss := func(x []float64) float64 {
		fitted, err := measure(at(begin, x), runs, slices.Clone(rows))
		if err != nil {
			return math.Inf(1)
		}
		sum := 0.0
		for _, row := range fitted {
			ttft, tpot := row.Errors()
			sum += math.Pow(math.Log1p(ttft), 2) + math.Pow(math.Log1p(tpot), 2)
		}
		return sum
	}
	if math.IsInf(loss(coordinates(begin)), 1) {
		_, err := Score(begin, runs)
		return begin, nil, err
	}
	x, err := search(loss, coordinates(begin))
	if err != nil {
		return begin, nil, err
	}
	profile := at(begin, x)
	rows, err = Score(profile, runs)
	return profile, rows, err
}

// search finds the least loss. The simplex collapses now and then where there is
// no valley, so it is opened again from where it ended until that gains nothing.
func search(loss func([]float64) float64, x []float64) ([]float64, error) {
	last := math.Inf(1)
	for range restarts {
		found, err := optimize.Minimize(optimize.Problem{Func: loss}, x, &optimize.Settings{
			FuncEvaluations: evaluations, Converger: &optimize.FunctionConverge{Absolute: 1e-6, Iterations: 40},
		}, &optimize.NelderMead{SimplexSize: 0.3})
		if err != nil {
			return nil, err
		}
		if x = found.X; found.F > last*0.98 {
			break
		}
		last = found.F
	}
	return x, nil
}

// coordinates are the logarithms of what is fitted: it stays above zero, and a
// step is a share.
func coordinates(p mockvllm.Profile) []float64 {
	const least = 0.01
	var x []float64
	for _, v := range []float64{p.A + p.W, p.B, p.C, p.D, p.Frontend.Seconds() * 1000} {
		x = append(x, math.Log(max(least, v)))
	}
	return x
}

func at(p mockvllm.Profile, x []float64) mockvllm.Profile {
	floor := math.Exp(x[0])
	p.W = floor * p.W / (p.A + p.W)
	p.A = floor - p.W
	p.B, p.C, p.D = math.Exp(x[1]), math.Exp(x[2]), math.Exp(x[3])
	p.Frontend = time.Duration(math.Exp(x[4]) * float64(time.Millisecond))
	return p
}

// divide puts requests with prompts of about one length together.
func divide(runs []Run) (rows []Row, err error) {
	for _, run := range runs {
		if len(run.Requests) < 20 {
			return nil, fmt.Errorf("%s has %d whole answers; at least 20 are needed", run.Name, len(run.Requests))
		}
		order := make([]int, len(run.Requests))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return run.Requests[a].Prompt - run.Requests[b].Prompt })
		for part := range slices.Chunk(order, (len(order)+groups-1)/groups) {
			row := Row{Run: run.Name, Requests: len(part), Concurrency: concurrency(run.Requests), requests: part}
			for _, i := range part {
				q := run.Requests[i]
				row.Prompt += float64(q.Prompt) / float64(len(part))
				row.context += (float64(q.Prompt) + float64(q.Output)/2) / float64(len(part))
			}
			row.TTFT, row.TPOT = means(part, func(i int) (time.Duration, time.Duration, int) {
				return run.Requests[i].TTFT, run.Requests[i].TPOT, run.Requests[i].Output
			})
			if row.TTFT <= 0 || row.TPOT <= 0 {
				return nil, fmt.Errorf("%s: answers of one token tell nothing about the time per token", run.Name)
			}
			rows = append(rows, row)
		}
	}
	if rows == nil {
		return nil, errors.New("there is no run to hold the mock against")
	}
	return rows, nil
}

// means are those of TTFT and TPOT; an answer of one token has no TPOT.
func means(of []int, get func(int) (ttft, tpot time.Duration, output int)) (ttft, tpot time.Duration) {
	n := 0
	for _, i := range of {
		t, p, output := get(i)
		ttft += t
		if output > 1 {
			tpot += p
			n++
		}
	}
	return ttft / time.Duration(max(1, len(of))), tpot / time.Duration(max(1, n))
}

// concurrency is the mean number of requests in flight: the time that they took
// together over the time that passed.
func concurrency(requests []Request) float64 {
	var busy, first, last time.Duration
	first = requests[0].Sent
	for _, r := range requests {
		busy += r.end() - r.Sent
		first, last = min(first, r.Sent), max(last, r.end())
	}
	return float64(busy) / float64(max(1, last-first))
}

// identifiable refuses runs that cannot tell the coefficients apart. With one
// context length only, reading a sequence's cache (D) looks like handling it
// (C); with one concurrency only, both look like the host's work (A).
func identifiable(rows []Row) error {
	spread := func(of func(Row) float64) float64 {
		least := slices.MinFunc(rows, func(a, b Row) int { return int(1e6 * (of(a) - of(b))) })
		most := slices.MaxFunc(rows, func(a, b Row) int { return int(1e6 * (of(a) - of(b))) })
		return of(most) / of(least)
	}
	if s := spread(func(r Row) float64 { return r.context }); s < 2 {
		return fmt.Errorf("the runs have one context length only (the longest is %.2g times the shortest): what a token of context costs cannot be distinguished from what a sequence costs; add a run whose prompts are at least twice as long", s)
	}
	if s := spread(func(r Row) float64 { return r.Concurrency }); s < 2 {
		return fmt.Errorf("the runs have one concurrency only (the highest is %.2g times the lowest): what a sequence costs cannot be distinguished from what a step costs; add a run at half the request rate or less", s)
	}
	return nil
}

// measure replays the runs on a profile and fills in what the rows compare.
func measure(p mockvllm.Profile, runs []Run, rows []Row) ([]Row, error) {
	type figures struct{ ttft, tpot []time.Duration }
	got := make([]figures, len(runs))
	failed := make([]error, len(runs))
	var all sync.WaitGroup
	for i, run := range runs {
		all.Go(func() { got[i].ttft, got[i].tpot, failed[i] = replay(p, run) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	for i := range rows {
		row := &rows[i]
		n := slices.IndexFunc(runs, func(r Run) bool { return r.Name == row.Run })
		row.MockTTFT, row.MockTPOT = means(row.requests, func(i int) (time.Duration, time.Duration, int) {
			return got[n].ttft[i], got[n].tpot[i], runs[n].Requests[i].Output
		})
	}
	return rows, nil
}

// replay returns each request's TTFT and TPOT on a profile.
func replay(p mockvllm.Profile, run Run) (ttft, tpot []time.Duration, err error) {
	users, order := byUser(run.Requests)
	ttft, tpot = make([]time.Duration, len(order)), make([]time.Duration, len(order))
	config := mockvllm.Config{Profile: p, NoPrefixCache: true}
	tell := func(t mockvllm.Truth) {
		i := order[t.Index]
		ttft[i] = t.Tokens[0].Sub(t.Received)
		if n := len(t.Tokens); n > 1 {
			tpot[i] = t.Tokens[n-1].Sub(t.Tokens[0]) / time.Duration(n-1)
		}
	}
	if run.Requests[0].User == 0 { // an open loop is a trace, of which only what is due is kept
		err = mockvllm.Replay(config, firsts(users), tell)
	} else {
		err = mockvllm.ReplayUsers(config, users, tell)
	}
	return ttft, tpot, err
}

// firsts is what each user asks first.
func firsts(users [][]mockvllm.Arrival) iter.Seq2[mockvllm.Arrival, error] {
	return func(yield func(mockvllm.Arrival, error) bool) {
		for _, asks := range users {
			if !yield(asks[0], nil) {
				return
			}
		}
	}
}

// byUser is what each user asks, one after the other, and which requests these
// are; a user of an open loop asked once.
func byUser(requests []Request) (users [][]mockvllm.Arrival, order []int) {
	order = make([]int, len(requests))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(requests[a].User, requests[b].User), cmp.Compare(requests[a].Sent, requests[b].Sent))
	})
	for n, i := range order {
		r := requests[i]
		arrival := mockvllm.Arrival{At: r.Sent, Prompt: r.Prompt, Output: r.Output, Cached: r.Cached}
		if n == 0 || r.User == 0 || requests[order[n-1]].User != r.User {
			users = append(users, nil)
		} else {
			arrival.At = max(0, r.Sent-requests[order[n-1]].end())
		}
		last := len(users) - 1
		users[last] = append(users[last], arrival)
	}
	return users, order
}
