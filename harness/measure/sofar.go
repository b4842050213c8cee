package measure

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// SoFar looks on while a run goes on, as one of its sinks, and measures what has
// ended by then. What has ended is what ended fast, so that an outcome may still turn.
type SoFar struct{ window *Window }

// NewSoFar looks on at a run of this scenario.
func NewSoFar(s harness.Scenario) *SoFar {
	run := &harness.Run{From: s.Warmup, To: math.MaxInt64, Scenario: s,
		Records: func(func(harness.Record) bool) {}, Samples: func(func(harness.Sample) bool) {}}
	w := newWindow(run, newSampled(run))
	w.GoesOn = true
	return &SoFar{w}
}

// Approximate lets effective sample sizes be those of a little earlier, for a page that is drawn
// anew each second.
func (s *SoFar) Approximate() *SoFar {
	s.window.approximate()
	return s
}

// Record takes a record.
func (s *SoFar) Record(r harness.Record) error { s.window.take(&r); return nil }

// Sample takes a sample.
func (s *SoFar) Sample(sample harness.Sample) error { s.window.Sampled.take(sample); return nil }

// Close does nothing.
func (s *SoFar) Close() error { return nil }

// Measured is the window up to now, since the start of the run. It is good until the
// next record comes.
func (s *SoFar) Measured(now time.Duration) *Window {
	s.window.To = max(now, s.window.From+1)
	for _, of := range s.window.classes {
		of.To = s.window.To
	}
	return s.window
}

// Resume lets the window go on after it was measured.
func (s *SoFar) Resume() {
	s.window.To = math.MaxInt64
	for _, of := range s.window.classes {
		of.To = math.MaxInt64
	}
}

// Classes are the names of the classes of traffic, in their order; none where the
// traffic has no classes.
func (w *Window) Classes() []string { return slices.Sorted(maps.Keys(w.classes)) }

// Of is the window of one class of traffic; nil where there is no such class.
func (w *Window) Of(class string) *Window { return w.classes[class] }
