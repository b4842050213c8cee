package vllmspec_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec"
	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/judge"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/store"
)

// A log is what a service was asked, as a dataset.
type log []string

func (l log) Conversations(r *rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for {
			question := l[r.IntN(len(l))]
			if !yield(harness.Conversation{Turns: []harness.Prompt{{Messages: []harness.Message{{Role: "user", Content: question}}, MaxTokens: 64}}}) {
				return
			}
		}
	}, nil
}

// A meter reads the price of power.
type meter struct{ price float64 }

func (m meter) Read(context.Context) ([]harness.Reading, error) {
	return []harness.Reading{{Source: "meter", Series: "price_eur_per_kwh", Value: m.price}}, nil
}

// counting counts what is asked, and leaves the asking to another client.
type counting struct {
	harness.Client
	asked *int
}

func (c counting) Ask(ctx context.Context, p harness.Prompt) iter.Seq2[harness.Chunk, error] {
	*c.asked++
	return c.Client.Ask(ctx, p)
}

const extended = `Feature: Extended
  Scenario: A log, and the price of power
    Given the model "llama-3.1-8b" is being served
    And conversations are drawn from "my-log"
    And answers are at most 16 tokens long
    And the prefix cache is cold
    And requests arrive evenly at 10 per second
    When the load runs for 100 requests
    Then these objectives are met:
      | max price of power  | at most 1           |
      | p95 time on the way | at most 10 s        |
      | mean output tokens  | between 1 and 16    |
      | total decoding      | at least 1          |
`

func price() metric.Metric {
	return metric.Metric{Name: "price of power", Unit: quantity.Count, Better: metric.LowerIsBetter, Formula: "euros for a kilowatt-hour, as the meter has it", Source: metric.Gauge{Feed: "meter", Series: "price_eur_per_kwh", Absent: "the meter was not read"}}
}

func onTheWay() metric.Metric {
	return metric.Metric{Name: "time on the way", Unit: quantity.Seconds, Better: metric.LowerIsBetter, Formula: "end of the answer − sent", Source: metric.Latency{From: metric.SentAt, To: metric.DoneAt}}
}

func decoding() metric.Metric {
	return metric.Metric{Name: "decoding", Unit: quantity.Count, Better: metric.HigherIsBetter, Formula: "tokens that the server generated", Source: metric.Counter{Feed: metric.Server, Series: "vllm:generation_tokens_total"}}
}

// TestRun_extensionsAreMeasuredAndJudgedAgain runs a feature with a dataset, a sampler and metrics of one's own, and judges
// what it stored without them.
func TestRun_extensionsAreMeasuredAndJudgedAgain(t *testing.T) {
	out := inFolder(t, extended)
	vllmspec.Run(t, "slo", vllmspec.WithDataset("my-log", log{"What is a mutex?", "And a semaphore?"}), vllmspec.WithSampler(meter{0.3}),
		vllmspec.WithMetric(price()), vllmspec.WithMetric(onTheWay()), vllmspec.WithMetric(decoding()))
	names, err := store.Names(out)
	require.NoError(t, err)
	require.Len(t, names, 1)
	again, err := judge.Again(filepath.Join(out, names[0]))
	require.NoError(t, err)
	assert.NoError(t, again.Check(), "the rows have what they need with them")
	page, err := os.ReadFile(filepath.Join(out, names[0], "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "euros for a kilowatt-hour")
}

// inFolder is an empty module with a feature in slo, in which the test runs, and its folder of results.
func inFolder(t *testing.T, feature string) (out string) {
	t.Helper()
	root := t.TempDir()
	t.Chdir(root)
	out = filepath.Join(root, "reports", "out")
	require.NoError(t, os.WriteFile("go.mod", []byte("module example.org/own\n"), 0o644))
	require.NoError(t, os.Mkdir("slo", 0o755))
	require.NoError(t, os.WriteFile(filepath.Join("slo", "x.feature"), []byte(feature), 0o644))
	t.Setenv("VLLMSPEC_OUT", out)
	return out
}

func TestRun_asksByAProtocolOfOnesOwn(t *testing.T) {
	asked := 0
	inFolder(t, strings.Replace(strings.Replace(extended, "\"my-log\"", "\"sharegpt\"", 1), "      | max price of power  | at most 1           |\n      | p95 time on the way | at most 10 s        |\n", "", 1))
	vllmspec.Run(t, "slo", vllmspec.WithMetric(decoding()), vllmspec.WithProtocol(func(s client.Asked) (harness.Client, error) {
		return counting{s.OpenAI, &asked}, nil
	}))
	assert.Equal(t, 100, asked)
}
