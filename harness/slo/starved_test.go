package slo_test

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/arrival"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/dataset"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/openai"
	"github.com/vllmspec/vllmspec/harness/sampler"
	mock "github.com/vllmspec/vllmspec/harness/server"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A heldClient may run for half of each tenth of a second, as a container with half a
// core may that needs a whole one. What arrives meanwhile the kernel stamps.
type heldClient struct{ *openai.Client }

func (c heldClient) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		const period = 100 * time.Millisecond
		if at := time.Duration(time.Now().UnixNano()) % period; at >= period/2 {
			time.Sleep(period - at)
		}
		c.Client.Ask(ctx, p)(yield)
	}
}

// starvedRows are objectives at all distances from what the simulated server does.
func starvedRows(t *testing.T) (rows []harness.Objective) {
	for _, written := range []string{
		"error rate|none", "error rate|at least 1%", "max KV cache usage|at most 90%", "p50 TTFT|at most 500 ms", "p50 E2E latency|at most 100 ms", "p50 E2E latency|at most 5 s", "output throughput|at least 500 tokens per second",
		"p50 TTFT|at most 28 ms", "p50 TTFT|at most 32 ms", "p50 TTFT|at most 36 ms", "p50 TTFT|at most 45 ms", "p95 TTFT|at most 40 ms", "p95 TTFT|at most 50 ms", "p95 TTFT|at most 80 ms",
		"mean TTFT|at most 33 ms", "mean TTFT|at most 40 ms", "p90 E2E latency|at most 300 ms", "p50 E2E latency|at most 260 ms", "p50 ITL|at most 8 ms", "p50 ITL|at most 7 ms", "p99 ITL|at most 30 ms",
		"p50 TPOT|at most 8 ms", "attainment|at least 95%", "attainment|at least 60%", "goodput|at least 12 per second", "output throughput|at least 640 tokens per second", "mean concurrency|at most 6",
	} {
		subject, expectation, _ := strings.Cut(written, "|")
		o, err := slo.Parse(subject, expectation)
		require.NoError(t, err, written)
		rows = append(rows, o)
	}
	return rows
}

// starvedRun is a load on a simulated server, by a client that is held or free.
func starvedRun(t *testing.T, seed uint64, held bool, rows []harness.Objective) (verdicts []slo.Verdict) {
	synctest.Test(t, func(t *testing.T) {
		profile, err := mockvllm.ProfileFor("llama-3.1-8b", "")
		require.NoError(t, err)
		s, err := mock.Simulated(mockvllm.Config{Profile: profile, Seed: seed})
		require.NoError(t, err)
		client := &openai.Client{Endpoint: client.Endpoint{URL: s.URLs()[0], Dial: s.Dial}, Model: "llama-3.1-8b"}
		good, err := slo.ParseGood("TTFT", "at most 60 ms")
		require.NoError(t, err)
		scenario := harness.Scenario{Name: "starved", Seed: seed, Good: []harness.Objective{good}, Objectives: rows,
			Dataset: dataset.Synthetic{Prompt: dataset.Length{Mean: 512, Deviation: 64}, Answer: dataset.Length{Mean: 32, Deviation: 8}},
			Load:    harness.Open{Arrivals: arrival.Poisson{PerSecond: 20}, For: 12 * time.Second}}
		runner := harness.Runner{Client: client, Good: metric.GoodRequest(scenario.Good), Samplers: []harness.Sampler{&sampler.Prometheus{URL: client.URL + "/metrics", HTTP: client.HTTP(), Source: "server"}}}
		if held {
			runner.Client = heldClient{client}
		}
		run, err := runner.Run(context.Background(), scenario)
		require.NoError(t, err)
		verdicts = slo.Judge(measure.Of(run), rows)
		client.Close()
		s.Close()
	})
	return verdicts
}

var seeds = flag.Int("seeds", 20, "loads on a client that is held to half a core")

// On a client that is held to half a core nothing is decided otherwise than on a free
// one, and what its lateness cannot have changed stays decided.
func TestAudit_clientHeldToHalfACore(t *testing.T) {
	rows := starvedRows(t)
	const far = 7 // of them, from the first on, lie far from their limits or do not rest on times
	counts := map[bool][]map[slo.Outcome]int{}
	for _, held := range []bool{false, true} {
		for range rows {
			counts[held] = append(counts[held], map[slo.Outcome]int{})
		}
	}
	for seed := range uint64(*seeds) {
		free, held := starvedRun(t, seed, false, rows), starvedRun(t, seed, true, rows)
		for i, o := range rows {
			counts[false][i][free[i].Outcome]++
			counts[true][i][held[i].Outcome]++
			if free[i].Outcome != slo.Unknown && held[i].Outcome != slo.Unknown {
				assert.Equal(t, free[i].Outcome, held[i].Outcome, "%s, seed %d: %v and %v; %v", o.Text, seed, free[i].Sentence(), held[i].Sentence(), held[i].Notes)
			}
			if i < far && free[i].Outcome != slo.Unknown {
				assert.NotEqual(t, slo.Unknown, held[i].Outcome, "%s: %v", o.Text, held[i].Notes)
			}
		}
	}
	var table strings.Builder
	out := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "objective\ton a free client\ton half a core")
	for i, o := range rows {
		fmt.Fprintf(out, "%s\t%s\t%s\n", o.Text, outcomesOf(counts[false][i]), outcomesOf(counts[true][i]))
	}
	require.NoError(t, out.Flush())
	t.Log("\n" + table.String())
}

func outcomesOf(outcomes map[slo.Outcome]int) string {
	var parts []string
	for _, o := range slices.Sorted(maps.Keys(outcomes)) {
		parts = append(parts, fmt.Sprintf("%d %s", outcomes[o], o))
	}
	return strings.Join(parts, ", ")
}
