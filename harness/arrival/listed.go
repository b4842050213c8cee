package arrival

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Listed is instants that are known, such as those of a trace.
type Listed struct {
	Name     string          `json:"name"`
	Instants []time.Duration `json:"-"`     // ascending
	Recorded *Recording      `json:"-"`     // in place of Instants; nil: these are all
	Speed    float64         `json:"speed"` // so many times as fast; 0 is 1
}

// A Recording is instants that are too many to be held: they are read again each time.
type Recording struct {
	Times iter.Seq[time.Duration] // ascending, from 0
	Count int
	Last  time.Duration
	Pause time.Duration // the longest between two of them
}

// recorded is what is known of all instants.
func (l Listed) recorded() Recording {
	if l.Recorded != nil {
		return *l.Recorded
	}
	r := Recording{Times: slices.Values(l.Instants), Count: len(l.Instants)}
	for i, at := range l.Instants {
		if i > 0 {
			r.Pause = max(r.Pause, at-l.Instants[i-1])
		}
		r.Last = at
	}
	return r
}

// Count is how many instants there are.
func (l Listed) Count() int { return l.recorded().Count }

// Times yields the instants, and then no more.
func (l Listed) Times(*rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for at := range l.recorded().Times {
			if !yield(l.scaled(at)) {
				return
			}
		}
	}
}

// At is the instants drawn out or pressed together so that their mean rate is this one.
func (l Listed) At(perSecond float64) Process {
	l.Speed = perSecond / l.asRecorded()
	return l
}

// Ends is when the instants do. After the last one it may be silent for as long as it was
// between two of them before: no request was due.
func (l Listed) Ends() (requests int, after time.Duration, ok bool) {
	r := l.recorded()
	return r.Count, l.scaled(r.Last + r.Pause), true
}

func (l Listed) scaled(at time.Duration) time.Duration {
	if l.Speed == 0 || l.Speed == 1 {
		return at
	}
	return time.Duration(float64(at) / l.Speed)
}

// Rate is the mean from the first instant to the last.
func (l Listed) Rate() float64 { return meanRate(l.Count(), l.span(), l.Speed) }

func (l Listed) asRecorded() float64 { return meanRate(l.Count(), l.span(), 1) }

// span is the time from the first instant to the last.
func (l Listed) span() time.Duration {
	r := l.recorded()
	return r.Last - l.first()
}

// first is the first instant; that of a recording is 0.
func (l Listed) first() time.Duration {
	if l.Recorded != nil || len(l.Instants) == 0 {
		return 0
	}
	return l.Instants[0]
}

// meanRate is the mean rate of n instants over a span, played so many times as fast.
func meanRate(n int, span time.Duration, speed float64) float64 {
	recorded := 1.0
	if n >= 2 {
		recorded = float64(n-1) / max(1e-9, span.Seconds())
	}
	return recorded * cmp.Or(speed, 1)
}

func (l Listed) String() string { return asInTrace(l.Name, l.Speed, l.Rate()) }

func asInTrace(name string, speed, rate float64) string {
	if speed == 0 || speed == 1 {
		return fmt.Sprintf("as in the trace %q", name)
	}
	return fmt.Sprintf("as in the trace %q, %.4g times as fast, %.4g per second", name, speed, rate)
}
