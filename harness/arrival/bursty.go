package arrival

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Bursty is a renewal process whose gaps follow a gamma distribution with this
// coefficient of variation: 1 is a Poisson process, 0 would be even, and above 1
// requests come in bursts with silence between them.
type Bursty struct {
	PerSecond float64 `json:"per_second"`
	CV        float64 `json:"cv"` // deviation of the gaps ÷ their mean
}

// Times yields instants since the load began.
func (b Bursty) Times(r *rand.Rand) iter.Seq[time.Duration] {
	shape := 1 / (b.CV * b.CV)
	gaps := distuv.Gamma{Alpha: shape, Beta: shape * b.PerSecond, Src: r}
	return func(yield func(time.Duration) bool) {
		for seconds := gaps.Rand(); yield(time.Duration(seconds * float64(time.Second))); seconds += gaps.Rand() {
		}
	}
}

// Rate is the mean of requests per second.
func (b Bursty) Rate() float64 { return b.PerSecond }

// Steady is true: bursts come and go by chance.
func (b Bursty) Steady() bool { return true }

// At is the process at another rate.
func (b Bursty) At(perSecond float64) Process { return Bursty{PerSecond: perSecond, CV: b.CV} }

func (b Bursty) String() string {
	return fmt.Sprintf("in bursts%s with a coefficient of variation of %g", at(b.PerSecond), b.CV)
}

// AtOnce has every request due at the beginning. It has no end: the load says how many.
type AtOnce struct{}

// Times yields the beginning, again and again.
func (AtOnce) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for yield(0) {
		}
	}
}

// Rate is more than any.
func (AtOnce) Rate() float64 { return 1e12 }

func (AtOnce) String() string { return "all at once" }
