package calibration

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

func TestRun_refusesCalibrationsThatThereAreNot(t *testing.T) {
	for _, args := range [][]string{{"coverages"}, {"short", "coverages"}, {"coverage", "coverages"}} {
		assert.EqualError(t, Run(t.Context(), args, io.Discard), `there is no calibration "coverages"; did you mean "coverage"? (before them may stand: short)`)
	}
}

func TestInParallel_endsWithTheContextAndKeepsErrors(t *testing.T) {
	sum := 0
	require.NoError(t, inParallel(t.Context(), 100, func(i int) (func(), error) { return func() { sum += i }, nil }))
	assert.Equal(t, 4950, sum)
	wrong := errors.New("wrong")
	assert.ErrorIs(t, inParallel(t.Context(), 3, func(i int) (func(), error) { return nil, wrong }), wrong)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, inParallel(over, 3, func(int) (func(), error) { t.Error("it was begun"); return func() {}, nil }), context.Canceled)
}

// covers is a figure with the truth 50 whose runs had these intervals, for any run and for this one.
func covers(intervals ...[4]float64) *covered {
	f := &covered{Objective: harness.Objective{Metric: "TTFT", Statistic: "p50"}}
	for i := range 99 {
		f.values.Add(float64(i + 1))
	}
	for i, of := range intervals {
		f.verdicts = append(f.verdicts, slo.Verdict{N: 1000, Effective: 100 * (i + 1), Any: [2]float64{of[0], of[1]}, Here: [2]float64{of[2], of[3]}})
	}
	return f
}

func TestCoverage_countsIntervals(t *testing.T) {
	r := covers([4]float64{40, 60, 45, 55}, [4]float64{10, 49, 10, 49}, [4]float64{51, 70, 51, 70}, [4]float64{40, math.Inf(1), 45, 55}).result()
	assert.Equal(t, "p50 TTFT", r.name)
	assert.InDelta(t, 50, r.truth, 1e-9)
	assert.Equal(t, 4, r.runs)
	assert.Equal(t, 3, r.intervals, "one has an end only")
	assert.InDelta(t, 1.0/3, r.covered, 1e-9)
	assert.InDelta(t, .25, r.unknown, 1e-9)
	assert.InDelta(t, .25, r.falsely, 1e-9, "an interval below the truth calls a server met that misses a limit there")
	assert.InDelta(t, .25, r.unmet, 1e-9)
	assert.Equal(t, 300, r.effective, "the median")
	assert.Contains(t, r.String(), "33.3 %")
	assert.Contains(t, covers([4]float64{math.Inf(-1), math.Inf(1), 45, 55}).result().String(), "–", "no interval, no share of them")
}

func TestCoverage_mustBeWhatIntervalsPromise(t *testing.T) {
	good := result{name: "p99 TTFT", runs: 1000, intervals: 990, covered: .95, unknown: .01, falsely: .02}
	require.NoError(t, good.check(.6))
	few, uncovered, falsely, unknown := good, good, good, good
	few.intervals, few.covered = enough-1, .5
	assert.NoError(t, few.check(.6), "their share says little")
	uncovered.covered = .9
	assert.EqualError(t, uncovered.check(.6), "p99 TTFT at 60 % load: only 90.0 % of intervals contain the true value")
	falsely.falsely = .06
	assert.ErrorContains(t, falsely.check(.6), "is called met in 6.0 % of runs")
	unknown.unknown = .2
	assert.ErrorContains(t, unknown.check(.6), "20.0 % of runs have no interval")
	assert.NoError(t, unknown.check(.95), "near saturation that is so")
}

func TestCoverage_measuresRunsAfterTheFirstRequests(t *testing.T) {
	c := &covering{workload: chat(), rate: 10, requests: 200}
	require.NoError(t, c.run(t.Context(), 2))
	require.Len(t, c.figures, 5)
	for _, f := range c.figures {
		assert.Len(t, f.verdicts, 2, f.Metric)
		for _, v := range f.verdicts {
			assert.Equal(t, slo.Missed, v.Outcome, v.Sentence())
		}
	}
	assert.Equal(t, 400, c.figures[0].values.N())
}

// gated is a gate whose later runs are so many times as slow, by their kind.
func gated(t *testing.T, kinds map[int]float64) *gate {
	o, err := compare.Parse("p50 TPOT", "at most 3% worse")
	require.NoError(t, err)
	g := &gate{rows: []harness.Objective{o}, seeds: 40, trials: 50, figures: map[int][3][][]float64{}}
	var all [3][][]float64
	for kind := range all {
		for seed := range g.seeds {
			all[kind] = append(all[kind], []float64{(1 + .001*float64(seed%5)) * kinds[kind]})
		}
	}
	g.figures[1000] = all
	return g
}

func TestRegression_countsWhatTheGateDoes(t *testing.T) {
	for _, paired := range []bool{false, true} {
		l := gated(t, map[int]float64{before: 1, same: 1, slow: 1.1}).line(1000, 8, paired)
		assert.InDelta(t, 1, l.found, 1e-9)
		assert.Zero(t, l.alarms)
		assert.NoError(t, l.good())
		l = gated(t, map[int]float64{before: 1, same: 1.1, slow: 1}).line(1000, 8, paired)
		assert.Zero(t, l.found)
		assert.InDelta(t, 1, l.alarms, 1e-9)
		assert.ErrorContains(t, l.good(), "with 8 repeats of 1000 requests a slow-down was found in 0.0 % and an alarm was false in 100.00 %")
	}
	assert.Contains(t, gateLine{requests: 1000, repeats: 8, paired: true, found: .995}.String(), "the same")
}

func TestRegression_takesShortRunsFromTheBeginningOfLongOnes(t *testing.T) {
	g := gated(t, nil)
	g.workload, g.seeds = chat(), 1
	figures, err := g.run(t.Context(), 0, before, []int{50, 100}, 10)
	require.NoError(t, err)
	alone, err := g.run(t.Context(), 0, before, []int{100}, 10)
	require.NoError(t, err)
	assert.Equal(t, alone[100], figures[100])
	assert.NotEqual(t, figures[50], figures[100])
	slower, err := g.run(t.Context(), 0, slow, []int{100}, 10)
	require.NoError(t, err)
	assert.Greater(t, slower[100][0], alone[100][0])
}

func TestCapacity_countsAnswersThatMissTheTruth(t *testing.T) {
	s := &searches{truth: 100}
	for _, f := range []trials.Finding{{Lo: 98, Hi: 102}, {Lo: 101, Hi: 103}, {Lo: 90, Hi: 99}, {Lo: 99}} {
		f.Probes = make([]trials.Probe, 5)
		s.take(f, 7, 9000)
	}
	assert.Equal(t, 1, s.low)
	assert.Equal(t, 1, s.high)
	assert.Equal(t, highest/lowest, s.widths[3], "an answer with one end is as wide as the range")
	var out strings.Builder
	assert.ErrorContains(t, s.report(&out, false), "2 of 4 answers contain the capacity; at least 95 % must")
	assert.Contains(t, out.String(), "contain it: 2 of 4 (1 lie below, 1 above)\n")
	assert.Contains(t, out.String(), "settings: 5 (median), 5 (most); runs: 7, 7; requests: 9000, 9000\n")
}

func TestCapacity_mustBeNarrowAndCheap(t *testing.T) {
	of := func(hi float64, probes int) *searches {
		s := &searches{truth: 100}
		s.take(trials.Finding{Lo: 99, Hi: hi, Probes: make([]trials.Probe, probes)}, 1, 1)
		return s
	}
	assert.NoError(t, of(101, probesMost).report(io.Discard, false))
	assert.ErrorContains(t, of(101, probesMost+3).report(io.Discard, false), "a search tried 15 settings")
	assert.ErrorContains(t, of(110, 5).report(io.Discard, false), "half of the answers are wider than 11.1 %")
	assert.NoError(t, of(110, 5).report(io.Discard, true), "a short one is too few to tell")
}

func TestCapacity_runsHaveTheRequestsThatASearchAsksFor(t *testing.T) {
	of := harness.Scenario{Warmup: 20 * time.Second, Load: harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, For: 140 * time.Second}}
	s := &search{workload: chat(), seed: 1}
	first, err := s.replay(t.Context(), of)
	require.NoError(t, err)
	assert.Equal(t, 1200, first.Requests)
	assert.Equal(t, harness.Open{Arrivals: arrival.Poisson{PerSecond: 10}, Requests: 1200}, first.Scenario.Load)
	assert.InDelta(t, 20, first.From.Seconds(), 10, "the warm-up is left out")
	second, err := s.replay(t.Context(), of)
	require.NoError(t, err)
	assert.NotEqual(t, first.From, second.From, "each has a seed of its own")
	assert.Equal(t, 2, s.runs)
	assert.Equal(t, 2*1400, s.requests)
}
