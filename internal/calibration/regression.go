package calibration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/compare"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// What the gate is tried on: a server whose speed differs from run to run by unsteady
// (the deviation of its logarithm), and one whose steps take slower times as long.
const (
	unsteady = 0.01
	slower   = 1.05
	busy     = 0.6 // of its capacity
)

// What the gate costs on each side, as it is stated: so many repeats of so many
// requests, with the same seeds on both.
const (
	statedRepeats  = 8
	statedRequests = 1000
)

// regression asks how often a comparison with a baseline finds a slow-down that is
// there, and how often one that is not, by what the runs cost. It is an error unless
// at the stated cost at least 95 % are found and at most 1 % of alarms are false.
func regression(ctx context.Context, w io.Writer, short bool) error {
	seeds, requests, repeats, trials := 200, []int{500, 1000, 2000, 5000}, []int{5, 6, 8, 10}, 2_000
	if short {
		seeds, requests, repeats, trials = 80, []int{statedRequests}, []int{statedRepeats}, 1_000
	}
	g := &gate{workload: chat(), seeds: seeds, trials: trials}
	for _, row := range [][2]string{{"p50 TPOT", "at most 3% worse"}, {"mean E2E latency", "at most 3% worse"}, {"p99 TTFT", "at most 10% worse"}} {
		o, err := compare.Parse(row[0], row[1])
		if err != nil {
			return err
		}
		g.rows = append(g.rows, o)
	}
	if err := g.runAll(ctx, requests); err != nil {
		return err
	}
	fmt.Fprintf(w, "Regressions: %s at %.0f %% of its capacity; its speed differs by %.0f %% from run to run; %d runs of each kind, %d draws of them a line\n",
		g.profile.Name, 100*busy, 100*unsteady, seeds, trials)
	for _, o := range g.rows {
		fmt.Fprintf(w, "  %s\n", o.Text)
	}
	fmt.Fprintf(w, "%-9s %8s %8s  %17s %9s  %12s %9s  %13s\n", "seeds", "requests", "repeats", fmt.Sprintf("%.0f %% slower: found", 100*(slower-1)), "unknown", "same: alarms", "unknown", "at the limits")
	stated := errors.New("no line of it has the stated cost")
	for _, paired := range []bool{false, true} {
		for _, n := range requests {
			for _, times := range repeats {
				line := g.line(n, times, paired)
				fmt.Fprintln(w, line)
				if paired && n == statedRequests && times == statedRepeats {
					stated = line.good()
				}
			}
		}
	}
	return stated
}

// A gate is a comparison, tried on many runs.
type gate struct {
	workload
	rows          []harness.Objective
	seeds, trials int
	figures       map[int][3][][]float64 // by requests: of each kind of run, by seed, a figure for each row
}

// The kinds of runs: those of a baseline, and later ones of a server that is the same
// or slower.
const (
	before = iota
	same
	slow
)

// runAll makes the runs of all kinds; one of n requests is the beginning of a longer one.
func (g *gate) runAll(ctx context.Context, requests []int) error {
	g.figures = map[int][3][][]float64{}
	for _, n := range requests {
		g.figures[n] = [3][][]float64{make([][]float64, g.seeds), make([][]float64, g.seeds), make([][]float64, g.seeds)}
	}
	capacity, err := g.capacity()
	if err != nil {
		return err
	}
	return inParallel(ctx, 3*g.seeds, func(job int) (func(), error) {
		figures, err := g.run(ctx, job/3, job%3, requests, busy*capacity)
		return func() {
			for n, of := range figures {
				g.figures[n][job%3][job/3] = of
			}
		}, err
	})
}

// run makes one run, and takes its figures, one for each row, by the number of requests.
func (g *gate) run(ctx context.Context, seed, kind int, requests []int, rate float64) (map[int][]float64, error) {
	speed := math.Exp(unsteady * rand.New(rand.NewPCG(uint64(seed), uint64(10+kind))).NormFloat64())
	if kind == slow {
		speed *= slower
	}
	of := g.workload
	p := &of.profile
	for _, coefficient := range []*float64{&p.A, &p.W, &p.B, &p.C, &p.D, &p.E} {
		*coefficient *= speed
	}
	records, err := of.records(slices.Max(requests), rate, uint64(seed+1))
	if err != nil {
		return nil, err
	}
	replay := func(_ context.Context, s harness.Scenario) (*harness.Run, error) {
		return runOf(s, records[:s.Load.(harness.Open).Requests]), nil
	}
	figures := map[int][]float64{}
	for _, n := range requests {
		err := carriedOut(ctx, replay, of.plan(n, rate, uint64(seed+1), nil), func(e *experiment.Experiment) (err error) {
			figures[n], err = g.figuresOf(e.Windows()[0])
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// figuresOf are the figures of a run, one for each row.
func (g *gate) figuresOf(w *measure.Window) (values []float64, err error) {
	for _, o := range g.rows {
		f, err := w.Figure(o)
		if err != nil {
			return nil, err
		}
		values = append(values, f.Value)
	}
	return values, nil
}

// A gateLine is what the gate did at one cost, as shares of the trials.
type gateLine struct {
	requests, repeats int
	paired            bool
	found, unknown    float64 // of the slower server
	alarms, undecided float64 // of the same one
	alarmsAtLimit     float64 // of one that is worse by just what it may
}

func (l gateLine) String() string {
	seeds := "others"
	if l.paired {
		seeds = "the same"
	}
	return fmt.Sprintf("%-9s %8d %8d  %15.1f %% %7.1f %%  %10.2f %% %7.1f %%  %11.2f %%", seeds, l.requests, l.repeats,
		100*l.found, 100*l.unknown, 100*l.alarms, 100*l.undecided, 100*l.alarmsAtLimit)
}

func (l gateLine) good() error {
	if l.found < 0.95 || l.alarms > 0.01 {
		return fmt.Errorf("with %d repeats of %d requests a slow-down was found in %.1f %% and an alarm was false in %.2f %%; it must be at least 95 %% and at most 1 %%", l.repeats, l.requests, 100*l.found, 100*l.alarms)
	}
	return nil
}

// line draws runs for many trials.
func (g *gate) line(requests, repeats int, paired bool) gateLine {
	l := gateLine{requests: requests, repeats: repeats, paired: paired}
	r := rand.New(rand.NewPCG(uint64(requests), uint64(repeats)))
	each := 1 / float64(g.trials)
	for range g.trials {
		seeds := r.Perm(g.seeds)
		then, now := seeds[:repeats], seeds[:repeats]
		if !paired {
			now = seeds[repeats : 2*repeats]
		}
		switch g.outcome(requests, then, now, slow, paired, false) {
		case slo.Missed:
			l.found += each
		case slo.Unknown:
			l.unknown += each
		}
		switch g.outcome(requests, then, now, same, paired, false) {
		case slo.Missed:
			l.alarms += each
		case slo.Unknown:
			l.undecided += each
		}
		if g.outcome(requests, then, now, same, paired, true) == slo.Missed {
			l.alarmsAtLimit += each
		}
	}
	return l
}

// outcome is that of the whole table: one row that is missed misses it.
func (g *gate) outcome(requests int, then, now []int, kind int, paired, atLimit bool) slo.Outcome {
	table := make([]compare.Row, len(g.rows))
	for i, o := range g.rows {
		table[i] = compare.Row{Objective: o, Paired: paired, Against: slo.AgainstBaseline}
		for k := range then {
			value := g.figures[requests][kind][now[k]][i]
			if atLimit {
				value *= o.Limit
			}
			table[i].Base = append(table[i].Base, g.figures[requests][before][then[k]][i])
			table[i].Now = append(table[i].Now, value)
		}
	}
	outcome := slo.Met
	for _, v := range compare.Judge(table) {
		if v.Outcome == slo.Missed {
			return slo.Missed
		}
		if v.Outcome == slo.Unknown {
			outcome = slo.Unknown
		}
	}
	return outcome
}
