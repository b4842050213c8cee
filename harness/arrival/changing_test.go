package arrival_test

import (
	"iter"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/vllmspec/vllmspec/harness/arrival"
)

// until are the instants before an end.
func until(p interface {
	Times(*rand.Rand) iter.Seq[time.Duration]
}, end time.Duration) (out []time.Duration) {
	last := time.Duration(-1)
	for at := range p.Times(rand.New(rand.NewPCG(1, 2))) {
		if at >= end {
			return out
		}
		if at < last {
			panic("instants go back")
		}
		out, last = append(out, at), at
	}
	return out
}

// between counts the instants in [from, to).
func between(all []time.Duration, from, to time.Duration) (n int) {
	for _, at := range all {
		if at >= from && at < to {
			n++
		}
	}
	return n
}

func TestBursts_haveTheirRateAndVariation(t *testing.T) {
	for _, cv := range []float64{0.5, 1, 3} {
		all := until(arrival.Bursty{PerSecond: 10, CV: cv}, 2*time.Hour)
		var sum, squares float64
		for i := 1; i < len(all); i++ {
			gap := (all[i] - all[i-1]).Seconds()
			sum, squares = sum+gap, squares+gap*gap
		}
		n := float64(len(all) - 1)
		mean := sum / n
		assert.InEpsilon(t, 0.1, mean, 0.03, "cv %g", cv)
		assert.InEpsilon(t, cv, math.Sqrt(squares/n-mean*mean)/mean, 0.05)
	}
}

func TestStages_changeTheRate(t *testing.T) {
	stages := []arrival.Stage{{For: 10 * time.Minute, From: 4, To: 4}, {For: 10 * time.Minute, From: 4, To: 16}, {For: 10 * time.Minute, From: 0, To: 0}}
	all := until(arrival.Staged{Stages: stages}, time.Hour)
	assert.InDelta(t, 2400, between(all, 0, 10*time.Minute), 4*math.Sqrt(2400))
	assert.InDelta(t, 2100, between(all, 10*time.Minute, 15*time.Minute), 4*math.Sqrt(2100), "4 to 10 per second")
	assert.InDelta(t, 3900, between(all, 15*time.Minute, 20*time.Minute), 4*math.Sqrt(3900), "10 to 16 per second")
	assert.Zero(t, between(all, 20*time.Minute, time.Hour), "and then it has ended")
	assert.InDelta(t, 8400.0/1800, arrival.Staged{Stages: stages}.Rate(), 1e-9)

	even := until(arrival.Staged{Process: arrival.Even{}, Stages: []arrival.Stage{{For: time.Minute, From: 2, To: 2}}}, 2*time.Minute)
	assert.Len(t, even, 240, "the last rate goes on")
	assert.InDelta(t, 500*time.Millisecond, even[7]-even[6], 1000, "and an even process stays even")
}

func TestSwing_rate(t *testing.T) {
	all := until(arrival.Swinging{Low: 2, High: 18, Period: time.Hour}, time.Hour)
	assert.InDelta(t, 36000, len(all), 4*math.Sqrt(36000))
	quiet, busy := between(all, 0, 6*time.Minute), between(all, 27*time.Minute, 33*time.Minute)
	assert.InDelta(t, 905, quiet, 4*math.Sqrt(905), "the integral of 10 − 8 cos over the first tenth")
	assert.InDelta(t, 6429, busy, 4*math.Sqrt(6429), "the integral around the middle")
}

func TestTrace_isPlayedAsItIs(t *testing.T) {
	trace := arrival.Listed{Name: "x", Instants: []time.Duration{0, time.Second, 5 * time.Second}}
	assert.Equal(t, trace.Instants, until(trace, time.Hour))
	trace.Speed = 2
	assert.Equal(t, []time.Duration{0, 500 * time.Millisecond, 2500 * time.Millisecond}, until(trace, time.Hour))
	assert.InDelta(t, 0.8, trace.Rate(), 1e-9)
	assert.Equal(t, `as in the trace "x", 2 times as fast, 0.8 per second`, trace.String())
}

func TestTrace_isStretchedToARate(t *testing.T) {
	trace := arrival.Listed{Name: "x", Instants: []time.Duration{time.Second, 2 * time.Second, 6 * time.Second}}
	assert.Equal(t, []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, 1500 * time.Millisecond}, until(trace.At(1.6), time.Hour))
	assert.InDelta(t, 1.6, trace.At(1.6).Rate(), 1e-12)
	trace.Speed = 7
	assert.InDelta(t, 1.6, trace.At(1.6).Rate(), 1e-12, "whatever its rate was before")
}

// TestArrivals_everyProcessGoesWithAChangingRate is the same for those that have a rate of
// their own already and those that have none.
func TestArrivals_everyProcessGoesWithAChangingRate(t *testing.T) {
	stages := []arrival.Stage{{For: time.Hour, From: 2, To: 18}}
	for _, process := range []arrival.Process{arrival.Poisson{}, arrival.Even{}, arrival.Bursty{CV: 2}} {
		assert.Zero(t, process.Rate())
		assert.Equal(t, 3.0, process.At(3).Rate())
		all := until(arrival.Staged{Process: process, Stages: stages}, time.Hour)
		assert.InDelta(t, 36000, len(all), 4*2*math.Sqrt(36000), "%v", process)
		assert.Equal(t, all, until(arrival.Staged{Process: process.At(99), Stages: stages}, time.Hour))
		assert.InDelta(t, 36000, len(until(arrival.Swinging{Process: process, Low: 2, High: 18, Period: time.Hour}, time.Hour)), 4*2*math.Sqrt(36000))
	}
	assert.Equal(t, "in bursts with a coefficient of variation of 3 swinging between 1 and 2 per second every 1m0s",
		arrival.Swinging{Process: arrival.Bursty{PerSecond: 5, CV: 3}, Low: 1, High: 2, Period: time.Minute}.String())
}

func TestArrivals_sayTheirRateOrNone(t *testing.T) {
	assert.Equal(t, "a Poisson process", arrival.Poisson{}.String())
	assert.Equal(t, "evenly at 8 per second", arrival.Even{PerSecond: 8}.String())
	assert.Equal(t, "in bursts at 8 per second with a coefficient of variation of 3", arrival.Bursty{CV: 3}.At(8).String())
}
