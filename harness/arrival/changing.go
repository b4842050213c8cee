package arrival

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// A Stage is a stretch of time in which the rate goes from one value to another.
type Stage struct {
	For  time.Duration `json:"for_ns"`
	From float64       `json:"from_per_second"`
	To   float64       `json:"to_per_second"`
}

// Staged is a process under a rate that changes in stages; after the last one
// its rate goes on.
type Staged struct {
	Process Process `json:"process"` // its own rate means nothing; nil: Poisson
	Stages  []Stage `json:"stages"`
}

// Times yields instants since the load began.
func (s Staged) Times(r *rand.Rand) iter.Seq[time.Duration] { return warp(s.Process, r, s.expected) }

// expected is the number of requests until an instant, in seconds: the integral
// of the rate.
func (s Staged) expected(t float64) (n float64) {
	for _, stage := range s.Stages {
		length := stage.For.Seconds()
		in := min(t, length)
		n += in * (stage.From + (stage.To-stage.From)*in/(2*length))
		if t -= in; t <= 0 {
			return n
		}
	}
	return n + t*s.Stages[len(s.Stages)-1].To
}

// Rate is the mean over the stages.
func (s Staged) Rate() float64 {
	length := s.Length().Seconds()
	return s.expected(length) / length
}

// Length is that of all stages together.
func (s Staged) Length() (sum time.Duration) {
	for _, stage := range s.Stages {
		sum += stage.For
	}
	return sum
}

// Ends is the end of the stages, where the last of them ends at no requests per second.
func (s Staged) Ends() (requests int, after time.Duration, ok bool) {
	return int(s.expected(s.Length().Seconds())), s.Length(), s.Stages[len(s.Stages)-1].To == 0
}

func (s Staged) String() string {
	var parts []string
	for _, stage := range s.Stages {
		if stage.From == stage.To {
			parts = append(parts, fmt.Sprintf("%g per second for %v", stage.To, stage.For))
		} else {
			parts = append(parts, fmt.Sprintf("from %g to %g per second for %v", stage.From, stage.To, stage.For))
		}
	}
	return nameOf(s.Process) + " in stages: " + strings.Join(parts, ", ")
}

// Swinging is a process whose rate goes up and down as a day's does, beginning
// at its lowest.
type Swinging struct {
	Process   Process       `json:"process"` // its own rate means nothing; nil: Poisson
	Low, High float64       // per second
	Period    time.Duration `json:"period_ns"`
}

// Times yields instants since the load began.
func (s Swinging) Times(r *rand.Rand) iter.Seq[time.Duration] {
	return warp(s.Process, r, func(t float64) float64 {
		turns := 2 * math.Pi / s.Period.Seconds()
		return (s.Low+s.High)/2*t - (s.High-s.Low)/2*math.Sin(turns*t)/turns
	})
}

// Rate is the mean over a period.
func (s Swinging) Rate() float64 { return (s.Low + s.High) / 2 }

func (s Swinging) String() string {
	return fmt.Sprintf("%s swinging between %g and %g per second every %v", nameOf(s.Process), s.Low, s.High, s.Period)
}

func nameOf(p Process) string { return fmt.Sprint(cmp.Or[Process](p, Poisson{}).At(0)) }

// warp bends a process of one request per second to a changing rate: the n-th
// request comes when as many as its unit-rate instant says were expected. For a
// Poisson process this is exact (Çinlar, Introduction to Stochastic Processes,
// 1975), and the other processes keep their regularity.
func warp(p Process, r *rand.Rand, expected func(seconds float64) float64) iter.Seq[time.Duration] {
	unitRate := cmp.Or[Process](p, Poisson{}).At(1)
	return func(yield func(time.Duration) bool) {
		from := 0.0
		for unit := range unitRate.Times(r) {
			at, ok := invert(expected, unit.Seconds(), from)
			if !ok || !yield(time.Duration(at*float64(time.Second))) {
				return
			}
			from = at
		}
	}
}

// invert finds the instant, not before from, until which n requests are
// expected; false: the rate has gone to zero and they never are.
func invert(expected func(float64) float64, n, from float64) (float64, bool) {
	const forever = 1e9 // s
	to := from + 1
	for step := 1.0; expected(to) < n; step *= 2 {
		if to > forever {
			return 0, false
		}
		to += step
	}
	for to-from > 1e-10*max(1, to) {
		if middle := (from + to) / 2; expected(middle) < n {
			from = middle
		} else {
			to = middle
		}
	}
	return to, true
}
