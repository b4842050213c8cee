package calibration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// The range that is searched, in requests per second.
const lowest, highest = 8.0, 512.0

// What searches must show.
const (
	containLeast = 0.95 // of the answers must contain the capacity
	probesMost   = 12   // settings of a search
	widthMost    = 0.05 // half of the answers must be as narrow, relative
)

// capacity asks of many searches how often the interval that they report contains
// the mock's true capacity, how wide it is, and what it cost. A short one takes too few
// of them to tell more than whether they are grossly wrong.
func capacity(ctx context.Context, w io.Writer, short bool) error {
	of, seeds, reference := chat(), 100, 1_600_000
	of.prompt, of.output = 128, 16 // that a replay of a hundred searches takes minutes
	if short {
		seeds, reference = 2, 100_000
	}
	objective, err := slo.Parse("p95 TTFT", "at most 100 ms")
	if err != nil {
		return err
	}
	truth, err := of.meets(ctx, objective, reference)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Searches: %d, for the highest request rate between %g and %g per second that meets %s (%s on %s, %.0f tokens in and %.0f out, by a long search %.1f per second)\n\n",
		seeds, lowest, highest, objective.Text, of.profile.Name, of.profile.GPU, of.prompt, of.output, truth)
	s := &searches{workload: of, objectives: []harness.Objective{objective}, truth: truth}
	if short {
		s.slack = 0.01 // a shorter search for the truth is off by as much
	}
	if err := inParallel(ctx, seeds, func(seed int) (func(), error) { return s.one(ctx, seed) }); err != nil {
		return err
	}
	return s.report(w, short)
}

// searches are what became of many.
type searches struct {
	workload
	objectives             []harness.Objective
	truth, slack           float64
	low, high              int // answers that lie below the truth, and above it
	widths                 []float64
	probes, runs, requests []int
}

// one searches, and returns what is to be done with the answer.
func (s *searches) one(ctx context.Context, seed int) (then func(), err error) {
	one := &search{workload: s.workload, seed: uint64(seed + 1)}
	plan := s.plan(0, 0, one.seed, s.objectives)
	plan.Design = experiment.Search{Scale: trials.Rate, From: lowest, To: highest}
	err = carriedOut(ctx, one.replay, plan, func(e *experiment.Experiment) error {
		then = func() { s.take(*e.Found(), one.runs, one.requests) }
		return nil
	})
	return then, err
}

// take adds the answer of a search, and what it cost.
func (s *searches) take(f trials.Finding, runs, requests int) {
	width := highest / lowest // of the range
	if f.Lo > 0 && f.Hi > 0 {
		width = f.Hi/f.Lo - 1
	}
	if f.Lo > s.truth*(1+s.slack) {
		s.high++
	}
	if f.Hi > 0 && f.Hi < s.truth*(1-s.slack) {
		s.low++
	}
	s.widths, s.probes = append(s.widths, width), append(s.probes, len(f.Probes))
	s.runs, s.requests = append(s.runs, runs), append(s.requests, requests)
}

// A search is one of them, while it goes on.
type search struct {
	workload
	seed           uint64
	runs, requests int // that were made
}

// replay is the next run of a search, which has as many requests as are due on average in the time
// that was asked for. Those of the warm-up come first, and are left out.
func (s *search) replay(_ context.Context, of harness.Scenario) (*harness.Run, error) {
	load := of.Load.(harness.Open)
	n := int(math.Round((load.For - of.Warmup).Seconds() * load.Arrivals.Rate()))
	warmup := n / trials.Warming
	s.runs++
	s.requests += warmup + n
	records, err := s.records(warmup+n, load.Arrivals.Rate(), s.seed*10_000+uint64(s.runs))
	if err != nil {
		return nil, err
	}
	run := runOf(of, records[warmup:])
	run.Scenario.Load = harness.Open{Arrivals: load.Arrivals, Requests: n}
	return run, nil
}

// meets is the highest rate that meets an objective of a quantile of TTFT, by bisection
// with so many requests a rate.
func (l workload) meets(ctx context.Context, o harness.Objective, n int) (float64, error) {
	most, err := l.capacity()
	lo, hi := most*.8, most
	for range 7 {
		middle := (lo + hi) / 2
		var all stats.Values
		const parts = 4
		failed := inParallel(ctx, parts, func(i int) (func(), error) {
			records, err := l.records(skipped+n/parts, middle, uint64(1_000_000+i))
			return func() {
				for _, r := range records[skipped:] {
					all.Add(r.TTFT().Seconds())
				}
			}, err
		})
		if err = errors.Join(err, failed); err != nil {
			return 0, err
		}
		if all.Quantile(.95, 0) <= o.Limit {
			lo = middle
		} else {
			hi = middle
		}
	}
	return (lo + hi) / 2, nil
}

// report prints what became of the searches, and is an error where that is not what it
// must be.
func (s *searches) report(w io.Writer, short bool) error {
	n := len(s.widths)
	for _, sorted := range [][]int{s.probes, s.runs, s.requests} {
		slices.Sort(sorted)
	}
	slices.Sort(s.widths)
	contain := n - s.low - s.high
	fmt.Fprintf(w, "contain it: %d of %d (%d lie below, %d above)\n", contain, n, s.low, s.high)
	fmt.Fprintf(w, "width: %.1f %% (median), %.1f %% (9 of 10)\n", 100*s.widths[n/2], 100*s.widths[n*9/10])
	fmt.Fprintf(w, "settings: %d (median), %d (most); runs: %d, %d; requests: %d, %d\n\n", s.probes[n/2], s.probes[n-1], s.runs[n/2], s.runs[n-1], s.requests[n/2], s.requests[n-1])
	switch {
	case float64(contain) < containLeast*float64(n)-1: // by chance it is one less
		return fmt.Errorf("%d of %d answers contain the capacity; at least %.0f %% must", contain, n, 100*containLeast)
	case s.probes[n-1] > probesMost+2: // the ends of the range come on top
		return fmt.Errorf("a search tried %d settings; at most %d and the ends of the range are allowed", s.probes[n-1], probesMost)
	case !short && s.widths[n/2] > widthMost:
		return fmt.Errorf("half of the answers are wider than %.1f %%; it must be %.0f %%", 100*s.widths[n/2], 100*widthMost)
	}
	return nil
}
