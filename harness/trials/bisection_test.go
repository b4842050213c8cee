package trials_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/trials"
)

// A sure server tells at once whether a setting is above its capacity.
func sure(capacity float64) trials.Try {
	return func(setting float64, before *trials.Probe, _ bool) (*trials.Probe, error) {
		return ran(setting, before, setting <= capacity, setting > capacity), nil
	}
}

// ran is one run more of a setting.
func ran(setting float64, before *trials.Probe, met, missed bool) *trials.Probe {
	p := &trials.Probe{Setting: setting, Outcome: slo.Unknown}
	if before != nil {
		*p = *before
		p.Outcome = slo.Unknown
	}
	p.Runs = append(p.Runs, fmt.Sprint("run ", len(p.Runs)+1))
	switch {
	case met:
		p.Outcome = slo.Met
	case missed:
		p.Outcome = slo.Missed
	}
	return p
}

// A doubtful server needs the more runs the nearer a setting is to its capacity:
// each doubling of what is known halves how far off it may be.
func doubtful(capacity, blur float64, r *rand.Rand) trials.Try {
	return func(setting float64, before *trials.Probe, _ bool) (*trials.Probe, error) {
		runs := 1
		if before != nil {
			runs += len(before.Runs)
		}
		off := blur
		for range runs - 1 {
			off /= 1.41 // each try doubles the runs
		}
		seen := capacity * (1 + r.NormFloat64()*off/2)
		return ran(setting, before, setting < seen*(1-off), setting > seen*(1+off)), nil
	}
}

func TestSearch_closesInOnTheCapacity(t *testing.T) {
	f, err := trials.Bisection{Low: 1, High: 64, Scale: trials.Rate}.Run(sure(23.4))
	require.NoError(t, err)
	assert.LessOrEqual(t, f.Lo, 23.4)
	assert.Greater(t, f.Hi, 23.4)
	assert.LessOrEqual(t, f.Hi/f.Lo, 1.05)
	assert.LessOrEqual(t, len(f.Probes), 8)
	for _, p := range f.Probes {
		end := p.Setting == f.Lo || p.Setting == f.Hi
		assert.Equal(t, end, p.Proof, "the ends, and nothing else, are confirmed")
		assert.Len(t, p.Runs, map[bool]int{true: 2, false: 1}[end])
	}
	assert.Regexp(t, `^the highest request rate that meets them lies between 2[\d.]+ and 2[\d.]+ per second$`, f.Says)
}

func TestSearch_usersAreWholeNumbers(t *testing.T) {
	f, err := trials.Bisection{Low: 1, High: 256, Scale: trials.Users}.Run(sure(9))
	require.NoError(t, err)
	assert.Equal(t, [2]float64{9, 10}, [2]float64{f.Lo, f.Hi})
	assert.Equal(t, "the highest number of users that meets them is 9", f.Says)
}

func TestSearch_limitAtTheEdgeOfTheRange(t *testing.T) {
	for capacity, says := range map[float64]string{
		500: "all of the range meets them: the highest request rate that meets them is at least 64 per second",
		.2:  "nothing in the range meets them: the highest request rate that meets them is below 1 per second",
	} {
		f, err := trials.Bisection{Low: 1, High: 64, Scale: trials.Rate}.Run(sure(capacity))
		require.NoError(t, err)
		assert.Equal(t, says, f.Says)
	}
}

func TestSearch_runsTheUnknownAgain(t *testing.T) {
	wrong, wide := 0, 0
	for seed := range uint64(200) {
		f, err := trials.Bisection{Low: 1, High: 64, Scale: trials.Rate}.Run(doubtful(23.4, .035, rand.New(rand.NewPCG(seed, 1))))
		require.NoError(t, err)
		if f.Lo > 23.4 || f.Hi > 0 && f.Hi < 23.4 {
			wrong++
		}
		if f.Hi == 0 || f.Lo == 0 || f.Hi/f.Lo > 1.05 {
			wide++
			assert.NotEmpty(t, f.Ended)
		}
		assert.LessOrEqual(t, len(f.Probes), 14)
	}
	assert.LessOrEqual(t, wrong, 10, "of 200, each with verdicts at 95 %")
	assert.LessOrEqual(t, wide, 60)
}

func TestSearch_endsWhereNothingIsEverKnown(t *testing.T) {
	runs := 0
	f, err := trials.Bisection{Low: 1, High: 64, Scale: trials.Rate}.Run(func(setting float64, before *trials.Probe, _ bool) (*trials.Probe, error) {
		runs++
		return ran(setting, before, false, false), nil
	})
	require.NoError(t, err)
	assert.Equal(t, "the highest request rate that meets them is not known", f.Says)
	assert.LessOrEqual(t, runs, 14*7)
}

func TestSearch_whoseTimeIsOverSaysWhatWasFound(t *testing.T) {
	left := 3
	of := sure(23.4)
	f, err := trials.Bisection{Low: 1, High: 64, Scale: trials.Rate}.Run(func(setting float64, before *trials.Probe, proof bool) (*trials.Probe, error) {
		if left--; left < 0 {
			return nil, fmt.Errorf("%w: 3 runs were to be made", trials.ErrSpent)
		}
		return of(setting, before, proof)
	})
	require.NoError(t, err)
	assert.Equal(t, "no time is left: 3 runs were to be made", f.Ended)
	assert.Less(t, f.Lo, 23.4)
	assert.Greater(t, f.Hi, 23.4)
	assert.Greater(t, f.Hi/f.Lo, 1.05, "the interval is as wide as what is not known")
}
