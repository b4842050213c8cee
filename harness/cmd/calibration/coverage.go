package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// skipped are the requests of each run that are due before the server is as busy as
// it will be.
const skipped = 1000

// coverage asks of many runs at each load how often the interval of a figure
// contains its true value, which is that of all of them together, and how often a
// server that just misses its limit is called met.
func coverage(w io.Writer, runs, requests int) error {
	of := chat()
	capacity, err := of.capacity()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d runs of %d requests a load; %s, %.0f tokens in and %.0f out, at most %.1f requests per second\n", runs, requests, of.profile.Name, of.prompt, of.output, capacity)
	fmt.Fprintf(w, "%5s  %-9s %8s %9s %8s %9s %12s  %s\n", "load", "figure", "true", "covered", "unknown", "false met", "worth", "asks for")
	for _, load := range []float64{.3, .6, .85, .95} {
		of := &covering{workload: of, rate: load * capacity, requests: requests}
		if err := of.run(runs); err != nil {
			return err
		}
		for _, f := range of.figures {
			fmt.Fprintf(w, "%4.0f%%  %s\n", load*100, f)
		}
	}
	return nil
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
	quantile float64
	verdicts []slo.Verdict
	values   stats.Values // of all runs
}

func (c *covering) run(runs int) error {
	for _, figure := range []string{"p50 TTFT", "p95 TTFT", "p99 TTFT", "p50 ITL", "p95 ITL", "p99 ITL"} {
		o, err := slo.Parse(figure, "at most 1 s")
		if err != nil {
			return err
		}
		c.figures = append(c.figures, &covered{Objective: o})
	}
	seeds := make(chan int)
	var group sync.WaitGroup
	var lock sync.Mutex
	var failure error
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := range seeds {
				run, err := c.once(uint64(seed))
				lock.Lock()
				if failure = err; err == nil {
					c.add(run)
				}
				lock.Unlock()
			}
		})
	}
	for seed := range runs {
		seeds <- seed
	}
	close(seeds)
	group.Wait()
	return failure
}

func (c *covering) once(seed uint64) (*slo.Window, error) {
	records, err := c.records(skipped+c.requests, c.rate, seed+1)
	if err != nil {
		return nil, err
	}
	records = records[skipped:]
	from := records[0].Due
	to := records[len(records)-1].Due + 1
	w := slo.Measure(&harness.Run{From: from, To: to, Length: to, Requests: len(records),
		Records: slices.Values(records), Samples: func(func(harness.Sample) bool) {}})
	var objectives []harness.Objective
	for _, f := range c.figures {
		objectives = append(objectives, f.Objective)
	}
	w.Judge(objectives) // outside the lock
	return w, nil
}

func (c *covering) add(w *slo.Window) {
	for _, f := range c.figures {
		f.verdicts = append(f.verdicts, w.Judge([]harness.Objective{f.Objective})[0])
		f.values.Merge(w.Spread(f.Metric))
	}
}

func (f *covered) truth() float64 {
	switch f.Statistic {
	case "mean":
		return 0
	}
	var p float64
	fmt.Sscanf(f.Statistic, "p%g", &p)
	return f.values.Quantile(p/100, 0)
}

func (f *covered) String() string {
	truth := f.truth()
	known, inside, met := 0, 0, 0
	var worths []int
	for _, v := range f.verdicts {
		worths = append(worths, v.Effective)
		if v.Hi > 1e6 {
			continue
		}
		known++
		if v.Lo <= truth && truth <= v.Hi {
			inside++
		}
		if v.Hi < truth {
			met++
		}
	}
	slices.Sort(worths)
	n := float64(len(f.verdicts))
	return fmt.Sprintf("%-9s %8s %8.1f%% %7.1f%% %8.1f%% %12d", f.Statistic+" "+f.Metric, slo.FormatQuantity(truth, slo.Seconds),
		100*float64(inside)/float64(max(1, known)), 100*(1-float64(known)/n), 100*float64(met)/n, worths[len(worths)/2])
}

var _ = time.Second
