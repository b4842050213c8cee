//go:build unix

package selfcheck

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A measurement is what the client made of a load.
type measurement struct {
	Requests  []measured
	CPU       time.Duration // user and system, over the load
	Took      time.Duration // the load, to its last answer
	Frames    int           // of the live page, to the viewer who got fewest
	IdleBytes int64         // resident before it
	PeakBytes int64         // resident, with every record kept on disk
	Unsound   []string      // why a run like this has no verdicts
}

// measured is one request, in nanoseconds since 1970.
type measured struct {
	ID        string
	Sent      int64
	Lag       int64 // sent − due, without connecting
	Chunks    []int64
	ReadDelay int64 // of the chunk that waited longest; -1: unknown
	Connected bool  // no connection was there for it
}

// load brings a check's load to a server and writes what was measured.
func (r Command) load(ctx context.Context, url, spec string) error {
	var c check
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	switch {
	case c.Waiting:
		return c.wait(r.Stdout)
	case c.Bare:
		return c.readOnly(ctx, url, r.Stdout)
	}
	dir, err := os.MkdirTemp("", "selfcheck-run")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	shown, err := c.show(r, dir)
	if err != nil {
		return err
	}
	defer shown.close()
	of := &usage{page: shown}
	if c.Soak {
		of.soaking = newSoaking(r.Stdout)
	}
	return c.bring(ctx, url, dir, of, func(e *experiment.Experiment) error {
		if c.Soak {
			return of.judged(e.Windows()[0], r.Stdout)
		}
		out, err := of.measurement(e.Windows()[0])
		return errors.Join(err, json.NewEncoder(r.Stdout).Encode(out))
	})
}

// bring brings the load as an experiment, of which everything is done that is done of a scenario: a
// preflight, samples of the server and of the host, files, verdicts, a page.
func (c check) bring(ctx context.Context, url, out string, of *usage, then func(*experiment.Experiment) error) error {
	session := &experiment.Session{Out: out, Place: experiment.Place{URLs: []string{url}}, Watcher: of, Export: of.export}
	defer session.Close()
	plan := experiment.Plan{Scenario: c.scenario(), FixedWarmup: true}
	e := session.New(plan)
	err := e.Run(ctx)
	if err == nil {
		_, err = e.Judge(experiment.Question{Kind: experiment.Objectives, Rows: plan.Scenario.Objectives})
	}
	if err == nil {
		err = then(e)
	}
	_, unfinished := e.Finish(err)
	return errors.Join(err, unfinished)
}

// measurement is what was measured of a run that has ended.
func (u *usage) measurement(w *measure.Window) (m measurement, err error) {
	m = measurement{CPU: u.spent, Took: w.Run.Length, IdleBytes: u.idle, PeakBytes: u.peak, Unsound: slo.Texts(slo.Audit(w))}
	if m.Frames, err = u.page.seen(); err != nil {
		return m, err
	}
	m.Requests, err = requests(w.Run)
	return m, err
}

// requests are what the client saw of each request.
func requests(run *harness.Run) (all []measured, err error) {
	start := run.Start.UnixNano()
	for r := range run.Records {
		if !r.OK() {
			return nil, fmt.Errorf("request %d failed: %s: %s", r.Seq, r.Failure, r.Error)
		}
		of := measured{ID: r.RequestID, Sent: start + int64(r.Sent), Lag: int64(r.Lag()), ReadDelay: int64(r.ReadDelay), Connected: r.Connecting != harness.NoTime}
		for _, at := range r.Chunks {
			of.Chunks = append(of.Chunks, start+int64(at))
		}
		all = append(all, of)
	}
	return all, nil
}

// judged prints what it took to judge the run in the end.
func (u *usage) judged(w *measure.Window, out io.Writer) error {
	fmt.Fprintf(out, "judged in %s: %s due, p99 TTFT %s; %.1f MiB resident, %.1f MiB at most\n", time.Since(u.ended).Round(time.Second), quantity.Format(float64(w.Run.Requests), quantity.Count),
		quantity.Format(w.Spread("TTFT").Quantile(.99, 0), quantity.Seconds), float64(memory("VmRSS:"))/(1<<20), float64(memory("VmHWM:"))/(1<<20))
	for _, f := range slo.Audit(w) {
		fmt.Fprintln(out, "unsound:", f.Text)
	}
	return nil
}

// inFlight is how many requests there are at a time, about.
func (c check) inFlight() int {
	if c.Tokens == 1 {
		return min(c.Streams, 64)
	}
	if brief := 2 * time.Duration(c.Tokens) * c.Gap; c.Over > brief { // few of them at a time
		return int(float64(c.Streams) * brief.Seconds() / c.Over.Seconds())
	}
	return c.Streams
}

// scenario is the check's load as a scenario.
func (c check) scenario() harness.Scenario {
	s := harness.Scenario{Name: c.Name, Seed: 1, Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 32}, Answer: dataset.Length{Mean: c.Tokens}}, Objectives: objectives()}
	switch {
	case c.Loop > 0:
		s.Load = harness.Closed{Users: c.Streams, Requests: c.Streams * c.Loop}
	case c.Over > 0:
		s.Load = harness.Open{Arrivals: arrival.Poisson{PerSecond: float64(c.Streams) / c.Over.Seconds()}, Requests: c.Streams}
	default:
		s.Load = harness.Closed{Users: c.Streams, Requests: c.Streams} // without a think time all begin at once
	}
	return s
}
