//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/sampler"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/store"
	"github.com/vllmspec/vllmspec/harness/vllm"
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

// load brings a check's load to a server and writes what was measured to
// standard output.
func load(url, spec string) error {
	var c check
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	if c.Waiting {
		return c.wait()
	}
	client := &openai.Client{Endpoint: client.Endpoint{URL: url}}
	defer client.Close()
	server, err := client.Preflight(context.Background())
	if err != nil {
		return err
	}
	if c.Bare {
		return c.readOnly(url, server.Model)
	}
	client.Model = server.Model
	idle := memory("VmRSS:")
	if err := client.Warm(context.Background(), c.inFlight()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "selfcheck-run")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	runner, err := c.runner(client, dir)
	if err != nil {
		return err
	}
	shown, err := c.show(dir)
	if err != nil {
		return err
	}
	defer shown.close()
	spent := used()
	if c.Shown {
		runner.Sinks = append(runner.Sinks, shown.watch(c.scenario()))
	}
	run, err := runner.Run(context.Background(), c.scenario())
	switch {
	case err != nil:
		return err
	case c.Soak:
		return judged(run)
	}
	out := measurement{CPU: cpuOf(used()) - cpuOf(spent), Took: run.Length, IdleBytes: idle, PeakBytes: memory("VmHWM:")}
	if out.Frames, err = shown.seen(); err != nil {
		return err
	}
	if err := out.take(run); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// runner is one as a live run has, which keeps what comes in a folder.
func (c check) runner(client *openai.Client, dir string) (r harness.Runner, err error) {
	r = harness.Runner{Client: client, Precise: true, Samplers: []harness.Sampler{sampler.NewHost()}}
	if c.Whole {
		r.Samplers = append(r.Samplers, &sampler.Prometheus{URL: client.URL + vllm.Metrics, HTTP: client.HTTP(), Source: "server"})
	}
	if c.Soak {
		r.Sinks = []harness.Sink{newSoaking()}
	}
	r.Archive, err = archive(dir, c.Name)
	return r, err
}

// take takes what the client saw of each request.
func (m *measurement) take(run *harness.Run) error {
	m.Unsound = slo.Texts(slo.Audit(measure.Of(run)))
	start := run.Start.UnixNano()
	for r := range run.Records {
		if !r.OK() {
			return fmt.Errorf("request %d failed: %s: %s", r.Seq, r.Failure, r.Error)
		}
		of := measured{ID: r.RequestID, Sent: start + int64(r.Sent), Lag: int64(r.Lag()), ReadDelay: int64(r.ReadDelay), Connected: r.Connecting != harness.NoTime}
		for _, at := range r.Chunks {
			of.Chunks = append(of.Chunks, start+int64(at))
		}
		m.Requests = append(m.Requests, of)
	}
	return nil
}

// archive keeps a run as any live run is kept: on disk within a second.
func archive(dir, name string) (harness.Archive, error) {
	folder, err := store.Create(dir, store.Name(time.Now(), name))
	if err != nil {
		return nil, err
	}
	return folder.SafeArchive(name, store.Manifest{Run: folder.Run()})
}

// judged measures what it takes to judge the run in the end.
func judged(run *harness.Run) error {
	began := time.Now()
	w := measure.Of(run)
	fmt.Printf("judged in %s: %s due, p99 TTFT %s; %.1f MiB resident, %.1f MiB at most\n", time.Since(began).Round(time.Second), quantity.Format(float64(run.Requests), quantity.Count),
		quantity.Format(w.Spread("TTFT").Quantile(.99, 0), quantity.Seconds), float64(memory("VmRSS:"))/(1<<20), float64(memory("VmHWM:"))/(1<<20))
	for _, f := range slo.Audit(w) {
		fmt.Println("unsound:", f.Text)
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
	s := harness.Scenario{Name: c.Name, Seed: 1, Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 32}, Answer: dataset.Length{Mean: c.Tokens}}, Objectives: c.objectives()}
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

// soaking prints from time to time how a long load goes.
type soaking struct {
	began, printed         time.Time
	requests, failed, then int
	spent                  time.Duration
}

func newSoaking() *soaking {
	now := time.Now()
	s := &soaking{began: now, printed: now, spent: cpuOf(used())}
	fmt.Printf("%10s  %10s  %6s  %12s  %11s  %s\n", "after", "requests", "failed", "requests/s", "CPU/request", "resident")
	return s
}

// every is how often it prints.
const every = 30 * time.Second

// Record counts.
func (s *soaking) Record(r harness.Record) error {
	s.requests++
	if r.Failed() {
		s.failed++
	}
	if time.Since(s.printed) >= every {
		s.print()
	}
	return nil
}

// Sample does nothing.
func (*soaking) Sample(harness.Sample) error { return nil }

// Close prints once more.
func (s *soaking) Close() error {
	s.print()
	return nil
}

func (s *soaking) print() {
	now, spent, fresh := time.Now(), cpuOf(used()), s.requests-s.then
	fmt.Printf("%10s  %10d  %6d  %12.0f  %8.1f µs  %.1f MiB\n", now.Sub(s.began).Round(time.Second), s.requests, s.failed,
		float64(fresh)/now.Sub(s.printed).Seconds(), float64(spent-s.spent)/1e3/float64(max(1, fresh)), float64(memory("VmRSS:"))/(1<<20))
	s.printed, s.then, s.spent = now, s.requests, spent
}

func used() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

// memory is a line of the system's own account of this process, in bytes, where
// it gives one; else the most that was ever resident, which macOS counts in bytes
// and others in KiB.
func memory(line string) int64 {
	raw, _ := os.ReadFile("/proc/self/status")
	if _, rest, ok := bytes.Cut(raw, []byte(line)); ok {
		if fields := bytes.Fields(rest); len(fields) > 0 {
			if kib, err := strconv.ParseInt(string(fields[0]), 10, 64); err == nil {
				return kib << 10
			}
		}
	}
	most := int64(used().Maxrss)
	if runtime.GOOS != "darwin" {
		most <<= 10
	}
	return most
}

func cpuOf(u syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
