package slo_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/internal/runtest"
)

// counter is one GPU's counter of energy, read every second of a run of 100 s and
// of 5 s more.
func counter(run *harness.Run, joules func(seconds float64) float64) {
	var all []harness.Sample
	for i := range 106 {
		all = append(all, harness.Sample{At: time.Duration(i) * second, Reading: harness.Reading{Source: "gpu", Series: "gpu_energy_joules",
			Labels: map[string]string{"gpu": "0", "host": "node"}, Value: joules(float64(i))}})
	}
	run.Samples = slices.Values(all)
}

func TestEnergy_counterThatIsRenewedNowAndThen(t *testing.T) {
	every := func(period float64) slo.Verdict { // 100 W
		run := runtest.Of(1000, nil)
		counter(run, func(s float64) float64 { return 5e6 + 100*period*math.Floor(s/period) })
		return judge(t, run, "GPU energy", "between 9.9 kJ and 10.1 kJ")
	}
	for _, period := range []float64{1, 5, 12} {
		v := every(period)
		assert.Equal(t, slo.Met, v.Outcome, "%v: %v", period, v.Notes)
		assert.InDelta(t, 10_000, v.Value, 1e-6)
	}
	v := every(30)
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "the energy counter of GPU 0 of node was renewed only 3 times in the measured window: make the load longer, or its exporter's interval shorter (dcgm-exporter -c 1000)")
}

func TestEnergy_counterThatBeginsAgain(t *testing.T) {
	run := runtest.Of(1000, nil)
	counter(run, func(s float64) float64 { return math.Mod(100*s, 5000) })
	v := judge(t, run, "energy per output token", "at most 1 kJ")
	assert.Equal(t, slo.Unknown, v.Outcome)
	assert.Contains(t, v.Notes[0], "began again during the run")
	after := runtest.Of(1000, nil)
	counter(after, func(s float64) float64 { return math.Mod(100*s, 10_400) }) // it does so when all is over
	assert.Equal(t, slo.Met, judge(t, after, "energy per output token", "at most 1 kJ").Outcome)
}

func TestEnergy_ofTheMeasuredWindowAlone(t *testing.T) {
	run := runtest.Of(1000, nil)
	run.From, run.To = 20*second+second/2, 80*second+second/2
	counter(run, func(s float64) float64 { return 100*s + 1000*max(0, min(s, 10)) }) // much is taken before
	v := judge(t, run, "GPU energy", "between 6 kJ and 6 kJ")
	assert.InDelta(t, 6000, v.Value, 1e-6, "60 s of 100 W, from between two readings to between two")
}
