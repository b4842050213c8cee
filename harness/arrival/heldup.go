package arrival

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// HeldUp is arrivals that once take their time, as those of a client do that is
// starved of CPU: requests due meanwhile are sent late through our fault. It tests
// that a client reports its own lateness.
type HeldUp struct {
	Arrivals
	For   time.Duration // it is held up
	After time.Duration // since the load began
}

func (h HeldUp) String() string {
	return fmt.Sprintf("%v; our client held up for %v after %v", h.Arrivals, h.For, h.After)
}

// At is the same at another rate; arrivals that have none stay as they are.
func (h HeldUp) At(perSecond float64) Process {
	if process, ok := h.Arrivals.(Process); ok {
		h.Arrivals = process.At(perSecond)
	}
	return h
}

// Ends is when the arrivals do.
func (h HeldUp) Ends() (requests int, after time.Duration, ok bool) {
	if ending, is := h.Arrivals.(interface {
		Ends() (int, time.Duration, bool)
	}); is {
		return ending.Ends()
	}
	return 0, 0, false
}

// Times yields instants since the load began.
func (h HeldUp) Times(r *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		begun, held := time.Now(), false
		for due := range h.Arrivals.Times(r) {
			if !held && time.Since(begun) >= h.After {
				held = true
				time.Sleep(h.For)
			}
			if !yield(due) {
				return
			}
		}
	}
}
