package experiment_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/experiment"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// An experiment needs no feature file: here two minutes of load on the mock, in virtual time.
func Example() {
	synctest.Test(new(testing.T), func(*testing.T) {
		if err := chats(); err != nil {
			fmt.Println(err)
		}
	})
	// Output:
	// p99 TTFT at most 500 ms: met
}

func chats() error {
	out, err := os.MkdirTemp("", "runs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(out)
	ttft, err := slo.Parse("p99 TTFT", "at most 500 ms")
	if err != nil {
		return err
	}
	rows := []harness.Objective{ttft}
	plan := experiment.Plan{
		Scenario: harness.Scenario{
			Name: "chats", Seed: 1, Warmup: 10 * time.Second, Objectives: rows,
			Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 200}, Answer: dataset.Length{Mean: 50}},
			Load:    harness.Open{Arrivals: arrival.Poisson{PerSecond: 8}, For: 2 * time.Minute},
		},
		Target:      experiment.Target{Model: "llama-3.1-8b", GPU: "one H100"},
		FixedWarmup: true,
		Virtual:     true,
	}
	session := &experiment.Session{Out: out}
	defer session.Close()
	e := session.New(plan)
	err = e.Run(context.Background())
	if err == nil {
		var verdicts []slo.Verdict
		verdicts, err = e.Judge(experiment.Question{Kind: experiment.Objectives, Rows: rows})
		for _, v := range verdicts {
			fmt.Printf("%s: %s\n", v.Text, v.Outcome)
		}
	}
	_, err = e.Finish(err)
	return err
}
