//go:build linux && cgo

package sampler

import (
	"context"
	"iter"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// tokens is a server that answers at once, with so many tokens.
type tokens int

func (n tokens) Ask(context.Context, harness.Prompt) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		now := time.Now()
		_ = yield(harness.Chunk{At: now, Headers: true, HTTPStatus: 200}, nil) &&
			yield(harness.Chunk{At: now, Text: "words", Tokens: int(n), Finish: "length",
				Usage: &harness.Usage{PromptTokens: 1, OutputTokens: int(n), CachedTokens: harness.Unreported, ReasoningTokens: harness.Unreported}}, nil)
	}
}

type anything struct{}

func (anything) Conversations(*rand.Rand) (iter.Seq[harness.Conversation], error) {
	return func(yield func(harness.Conversation) bool) {
		for yield(harness.Conversation{Turns: []harness.Prompt{{Text: "?", Tokens: 1}}}) {
		}
	}, nil
}

// twice is due twice a second.
type twice struct{}

func (twice) Rate() float64 { return 2 }
func (twice) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for at := time.Duration(0); yield(at); at += time.Second / 2 {
		}
	}
}

// powered runs a load of 2 requests per second, of 100 tokens each, for 15 s after a
// warm-up of 5 s, while GPU i draws (i+1) × 100 W: 3.6 kW together.
func powered(t *testing.T, d *dgx, server func() []int32) *measure.Window {
	t.Helper()
	started := time.Now()
	for i := range d.Devices {
		d.gpu(i).GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) {
			return uint64(time.Since(started).Milliseconds()) * uint64(i+1) * 100, nvml.SUCCESS
		}
	}
	run, err := harness.Runner{Client: tokens(100), Samplers: []harness.Sampler{d.open(t, server)}}.Run(t.Context(), harness.Scenario{
		Dataset: anything{}, Load: harness.Open{Arrivals: twice{}, For: 20 * time.Second}, Warmup: 5 * time.Second})
	require.NoError(t, err)
	return measure.Of(run)
}

func verdict(t *testing.T, w *measure.Window, subject, expectation string) slo.Verdict {
	t.Helper()
	o, err := slo.Parse(subject, expectation)
	require.NoError(t, err)
	return slo.Judge(w, []harness.Objective{o})[0]
}

func TestEnergy_perTokenIsRightToTheDigit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDGX()
		for i := range 8 {
			d.processes[i] = []uint32{uint32(100 + i)}
		}
		w := powered(t, d, func() []int32 { return []int32{100, 101, 102, 103, 104, 105, 106, 107} })
		v := verdict(t, w, "energy per output token", "at most 18 J")
		assert.Equal(t, 18.0, v.Value, "3.6 kW for 15 s, and 30 answers of 100 tokens")
		assert.Equal(t, slo.Met, v.Outcome)
		assert.Empty(t, v.Notes)
		assert.Equal(t, 54_000.0, verdict(t, w, "GPU energy", "at most 1 kWh").Value)
		assert.Equal(t, 1800.0, verdict(t, w, "energy per good request", "at most 1.8 kJ").Value)
	})
}

func TestEnergy_thatIsNotTheServersAloneIsUnknown(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*dgx)
		says  string
	}{
		"another program": {func(d *dgx) { d.processes[3] = append(d.processes[3], 999) }, "other programs used GPU 3 too: it had up to 2 processes"},
		"split": {func(d *dgx) {
			d.gpu(3).MigMode = nvml.DEVICE_MIG_ENABLE
			d.gpu(3).GetMaxMigDeviceCountFunc = told(0)
		}, "GPU 3 is split into instances (MIG)"},
		"no counter": {func(d *dgx) {
			d.LookupSymbolFunc = func(symbol string) error {
				if symbol == "nvmlDeviceGetTotalEnergyConsumption" {
					return context.Canceled
				}
				return nil
			}
		}, "GPU 0 has no energy counter"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDGX()
				for i := range 8 {
					d.processes[i] = []uint32{100}
				}
				c.spoil(d)
				v := verdict(t, powered(t, d, func() []int32 { return []int32{100} }), "energy per output token", "at most 18 J")
				assert.Equal(t, slo.Unknown, v.Outcome)
				require.NotEmpty(t, v.Notes)
				assert.Contains(t, v.Notes[len(v.Notes)-1], c.says)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		v := verdict(t, powered(t, newDGX(), nil), "energy per output token", "at most 18 J")
		assert.Equal(t, slo.Met, v.Outcome)
		assert.Contains(t, v.Notes, "whether other programs used the GPUs too is unknown", "in a container NVML shows no processes")
	})
}
