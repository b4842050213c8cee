package calibration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// skipped are the requests of each run that are due before the server is as busy as
// it will be.
const skipped = 1000

// What coverage must show.
const (
	coveredLeast = 0.93 // of the runs whose interval has two ends
	falselyMost  = 0.05 // of all runs of a server that just misses its limit, called met
	unknownMost  = 0.10 // of the runs at 60 % load
	enough       = 50   // runs with an interval, below which their share says little
)

// coverage asks of many runs at each load how often the interval of a figure
// contains its true value, which is that of all of them together; how often there is
// none; and what a server is called that just misses its limit.
func coverage(ctx context.Context, w io.Writer, short bool) error {
	of, runs, requests := chat(), 1000, 5000
	loads := []float64{.3, .6, .85, .95}
	if short {
		runs, loads = 60, []float64{.3, .6}
	}
	capacity, err := of.capacity()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Intervals: %d runs of %d requests at each load (%s on %s, %.0f tokens in and %.0f out, which carries %.1f requests per second)\n\n",
		runs, requests, of.profile.Name, of.profile.GPU, of.prompt, of.output, capacity)
	fmt.Fprintf(w, "%5s  %-8s  %8s  %9s  %11s  %9s  %12s  %15s  %s\n", "load", "figure", "true", "covered", "no interval", "false met", "called missed", "n_eff of "+strconv.Itoa(requests), "asks for")
	var failures []error
	for _, load := range loads {
		c := &covering{workload: of, rate: load * capacity, requests: requests}
		if err := c.run(ctx, runs); err != nil {
			return err
		}
		for _, f := range c.figures {
			r := f.result()
			fmt.Fprintf(w, "%4.0f%%  %s\n", load*100, r)
			failures = append(failures, r.check(load))
		}
	}
	fmt.Fprintln(w)
	return errors.Join(failures...)
}

// covering is what becomes of figures over many runs at one load.
type covering struct {
	workload
	rate     float64 // per second
	requests int     // of a run
	figures  []*covered
}

// A covered figure has an interval in each run.
type covered struct {
	harness.Objective
	verdicts []slo.Verdict
	values   stats.Values // of all runs
}

func (c *covering) run(ctx context.Context, runs int) error {
	var rows []harness.Objective
	for _, figure := range []string{"p50 TTFT", "p95 TTFT", "p99 TTFT", "p95 ITL", "p99 ITL"} {
		// Every run misses this limit: what is asked for are the intervals.
		o, err := slo.Parse(figure, "at most 1 µs")
		if err != nil {
			return err
		}
		rows, c.figures = append(rows, o), append(c.figures, &covered{Objective: o})
	}
	return inParallel(ctx, runs, func(seed int) (then func(), err error) {
		plan := c.plan(skipped+c.requests, c.rate, uint64(seed+1), rows)
		err = carriedOut(ctx, c.replay, plan, func(e *experiment.Experiment) error {
			verdicts, err := e.Judge(experiment.Question{Kind: experiment.Objectives, Rows: rows})
			then = func() { c.take(e.Windows()[0], verdicts) }
			return err
		})
		return then, err
	})
}

// take adds a run.
func (c *covering) take(w *measure.Window, verdicts []slo.Verdict) {
	for i, f := range c.figures {
		f.verdicts = append(f.verdicts, verdicts[i])
		f.values.Merge(w.Spread(f.Metric))
	}
}

// replay is a run as the mock's own instants give it, without those requests that come before the
// server is as busy as it will be.
func (c *covering) replay(_ context.Context, s harness.Scenario) (*harness.Run, error) {
	load := s.Load.(harness.Open)
	records, err := c.records(load.Requests, load.Arrivals.Rate(), s.Seed)
	if err != nil {
		return nil, err
	}
	return runOf(s, records[skipped:]), nil
}

// A result is how well a figure's intervals did.
type result struct {
	name                    string
	truth                   float64 // s
	runs, intervals         int
	covered                 float64 // of the intervals
	unknown, falsely, unmet float64 // of the runs
	effective               int     // independent requests, median
	asks                    int     // requests, for an interval with two ends
}

func (f *covered) result() result {
	p, _ := strconv.ParseFloat(strings.TrimPrefix(f.Statistic, "p"), 64)
	r := result{name: f.Statistic + " " + f.Metric, truth: f.values.Quantile(p/100, 0), runs: len(f.verdicts)}
	inside, met, missed := 0, 0, 0
	var effectives []int
	for _, v := range f.verdicts {
		effectives = append(effectives, v.Effective)
		if v.Here[0] > r.truth {
			missed++
		}
		if math.IsInf(v.Any[0], 0) || math.IsInf(v.Any[1], 0) {
			continue
		}
		r.intervals++
		switch {
		case v.Any[1] < r.truth:
			met++
		case v.Any[0] <= r.truth:
			inside++
		}
	}
	slices.Sort(effectives)
	n := float64(r.runs)
	r.effective = effectives[len(effectives)/2]
	r.asks = int(float64(stats.SamplesFor(p/100, .95)) * float64(f.verdicts[0].N) / float64(r.effective))
	r.covered = float64(inside) / float64(max(1, r.intervals))
	r.unknown, r.falsely, r.unmet = 1-float64(r.intervals)/n, float64(met)/n, float64(missed)/n
	return r
}

func (r result) String() string {
	covered := "–"
	if r.intervals > 0 {
		covered = fmt.Sprintf("%.1f %%", 100*r.covered)
	}
	return fmt.Sprintf("%-8s  %8s  %9s  %9.1f %%  %7.1f %%  %11.1f %%  %15d  %d requests", r.name, quantity.Format(r.truth, quantity.Seconds),
		covered, 100*r.unknown, 100*r.falsely, 100*r.unmet, r.effective, r.asks)
}

// check is an error where intervals do less than they promise. A share of few runs is
// given its own uncertainty.
func (r result) check(load float64) error {
	switch {
	case r.intervals >= enough && r.covered < coveredLeast-1/math.Sqrt(float64(r.intervals))/2:
		return fmt.Errorf("%s at %.0f %% load: only %.1f %% of intervals contain the true value", r.name, 100*load, 100*r.covered)
	case r.falsely > falselyMost:
		return fmt.Errorf("%s at %.0f %% load: a server that misses its limit is called met in %.1f %% of runs", r.name, 100*load, 100*r.falsely)
	case load <= .6 && r.unknown > unknownMost:
		return fmt.Errorf("%s at %.0f %% load: %.1f %% of runs have no interval", r.name, 100*load, 100*r.unknown)
	}
	return nil
}
