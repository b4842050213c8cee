//go:build unix

package selfcheck

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// A waiting is what it took to wait for the instants at which requests are due,
// with the timer that a live run uses and with Go's own.
type waiting struct {
	Precise waited `json:"precise"`
	Own     waited `json:"own"`
}

// A waited is that with one timer.
type waited struct {
	Core float64 `json:"core_ratio"` // of one core: all that the process used while it waited
	Lag  spread  `json:"lag_us"`
}

// wait measures both timers, one after the other, and writes what it found.
func (c check) wait(out io.Writer) (err error) {
	var w waiting
	if w.Precise, err = c.waitWith(true); err != nil {
		return err
	}
	if w.Own, err = c.waitWith(false); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(w)
}

// waitWith runs a load without a server: what it costs is the waiting, and
// what the runner does for every request.
func (c check) waitWith(precise bool) (waited, error) {
	scenario := c.scenario()
	scenario.Dataset = nothing{}
	began, spent := time.Now(), cpuOf(used())
	run, err := harness.Runner{Client: noServer{}, Precise: precise}.Run(context.Background(), scenario)
	if err != nil {
		return waited{}, err
	}
	core := float64(cpuOf(used())-spent) / float64(time.Since(began))
	var lags []int64
	for r := range run.Records {
		lags = append(lags, int64(r.Lag()))
	}
	return waited{core, spreadOf(lags)}, nil
}

// nothing is a workload without words.
type nothing struct{}

// Conversations are the same one again and again.
func (nothing) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(harness.Conversation{Turns: []harness.Prompt{{}}}) {
		}
	}, nil
}

// noServer answers at once.
type noServer struct{}

// Ask yields one token.
func (noServer) Ask(context.Context, harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		yield(harness.Chunk{At: time.Now(), Waited: harness.NoTime, Text: ".", Finish: "stop", Tokens: 1}, nil)
	}
}

// printWaiting prints what waiting costs, where it was measured.
func printWaiting(out io.Writer, grades []grade) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, g := range grades {
		if w := g.Waiting; w != nil {
			fmt.Fprintf(table, "\nsend lag\tof one core\t  %s\n", g.Check.Name)
			fmt.Fprintf(table, "%s\t%.1f %%\t  with the timer of a live run\n", w.Precise.Lag, 100*w.Precise.Core)
			fmt.Fprintf(table, "%s\t%.1f %%\t  with Go's own\n", w.Own.Lag, 100*w.Own.Core)
		}
	}
	table.Flush()
}
