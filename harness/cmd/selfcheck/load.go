//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/openai"
)

// A measurement is what the client made of a load.
type measurement struct {
	Requests  []measured
	CPU       time.Duration // user and system, over the load
	PeakBytes int64         // resident, with every record kept
}

// measured is one request, in nanoseconds since 1970.
type measured struct {
	ID        string
	Due, Sent int64
	Chunks    []int64
	ReadDelay int64 // of the chunk that waited longest; -1: unknown
}

// load brings a check's load to a server and writes what was measured to
// standard output.
func load(url, spec string) error {
	var c check
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	client := &openai.Client{URL: url}
	defer client.Close()
	server, err := client.Preflight(context.Background())
	if err != nil {
		return err
	}
	client.Model = server.Model
	before := used()
	run, err := harness.Runner{Client: client, Precise: true}.Run(context.Background(), c.scenario())
	if err != nil {
		return err
	}
	after := used()
	out := measurement{CPU: cpuOf(after) - cpuOf(before), PeakBytes: peakOf(after)}
	start := run.Start.UnixNano()
	for r := range run.Records {
		if !r.OK() {
			return fmt.Errorf("request %d failed: %s: %s", r.Seq, r.Failure, r.Error)
		}
		m := measured{ID: r.RequestID, Due: start + int64(r.Due), Sent: start + int64(r.Sent), ReadDelay: int64(r.ReadDelay)}
		for _, at := range r.Chunks {
			m.Chunks = append(m.Chunks, start+int64(at))
		}
		out.Requests = append(out.Requests, m)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// scenario is the check's load as a scenario.
func (c check) scenario() harness.Scenario {
	s := harness.Scenario{Name: c.Name, Seed: 1, Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 32}, Answer: dataset.Length{Mean: c.Tokens}}}
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

func used() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

// peakOf is the most resident memory; macOS counts it in bytes, the others in KiB.
func peakOf(u syscall.Rusage) int64 {
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) * 1024
}

func cpuOf(u syscall.Rusage) time.Duration {
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
