// Package arrival says when requests are due. A process is a small value that
// prints itself and draws its instants from the random stream it is given.
package arrival

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

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

func (p Poisson) String() string {
	return fmt.Sprintf("a Poisson process at %g per second", p.PerSecond)
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

func (e Even) String() string { return fmt.Sprintf("evenly at %g per second", e.PerSecond) }
