// Package arrival says when requests are due. A process is a small value that
// prints itself and draws its instants from the random stream it is given.
package arrival

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// A Process is an arrival process that is the same at any rate. One without a
// rate is for those who say what the rate is: stages, swings, a sweep, a search.
type Process interface {
	Times(*rand.Rand) iter.Seq[time.Duration]
	Rate() float64                // requests per second; 0: left open
	At(perSecond float64) Process // the same process at another rate
	fmt.Stringer
}

// Poisson is the arrival process of many people who do not know of each other:
// gaps are exponential and independent.
type Poisson struct {
	PerSecond float64 `json:"per_second"`
}

// Times yields instants since the load began.
func (p Poisson) Times(r *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		seconds := 0.0
		for {
			seconds += r.ExpFloat64() / p.PerSecond
			if !yield(time.Duration(seconds * float64(time.Second))) {
				return
			}
		}
	}
}

// Rate is the mean of requests per second.
func (p Poisson) Rate() float64 { return p.PerSecond }

// Steady is true: the rate never changes.
func (p Poisson) Steady() bool { return true }

// At is the process at another rate.
func (Poisson) At(perSecond float64) Process { return Poisson{PerSecond: perSecond} }

func (p Poisson) String() string { return "a Poisson process" + at(p.PerSecond) }

// at is a rate in words; nothing where it is left open.
func at(perSecond float64) string {
	if perSecond == 0 {
		return ""
	}
	return fmt.Sprintf(" at %g per second", perSecond)
}

// Even is a request at equal distances, the first one at once.
type Even struct {
	PerSecond float64 `json:"per_second"`
}

// Times yields instants since the load began. Each is computed from its index:
// adding up gaps would drift.
func (e Even) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for i := 0; yield(time.Duration(float64(i) / e.PerSecond * float64(time.Second))); i++ {
		}
	}
}

// Rate is requests per second.
func (e Even) Rate() float64 { return e.PerSecond }

// Steady is true: the rate never changes.
func (e Even) Steady() bool { return true }

// At is the process at another rate.
func (Even) At(perSecond float64) Process { return Even{PerSecond: perSecond} }

func (e Even) String() string { return "evenly" + at(e.PerSecond) }
