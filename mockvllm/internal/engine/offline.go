package engine

import (
	"slices"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
)

// An Offline engine serves sequences without waiting: its clock jumps from step to step.
type Offline struct {
	engine *Engine
	clock  time.Time
	next   func() (*Sequence, time.Time, error) // of those to come, and when it is due; nil if there is none
	ahead  []*Sequence                          // are known and not due yet, by when they are
}

// NewOffline is an engine whose clock stands at an instant. Sequences come from next, in the
// order in which they are due, and from Expect; ended is called with each that ends.
func NewOffline(c Config, active *faults.Active, m *metrics.Metrics, at time.Time, next func() (*Sequence, time.Time, error), ended func(*Sequence, time.Time)) *Offline {
	return &Offline{engine: New(c, active, m, ended), clock: at, next: next}
}

// Run is the engine's loop on a clock that jumps; it ends when all sequences have.
func (o *Offline) Run() error {
	at := o.clock
	for {
		more, err := o.arrive(at)
		if err != nil {
			return err
		}
		if o.engine.idle() {
			if !more {
				return nil
			}
			at = o.ahead[0].queued.Add(settle)
			continue
		}
		at = o.engine.faults.Thawed(at)
		at = at.Add(o.engine.begin(at))
		if _, err := o.arrive(at); err != nil {
			return err
		}
		o.engine.deliver(at)
	}
}

// arrive queues all requests up to an instant, and reports whether any are left.
func (o *Offline) arrive(at time.Time) (more bool, err error) {
	for {
		if len(o.ahead) == 0 {
			s, due, err := o.next()
			if err != nil || s == nil {
				return false, err
			}
			o.Expect(due, s)
		}
		first := o.ahead[0]
		if !first.queued.Before(at) {
			return true, nil
		}
		o.engine.Submit(first.queued, first)
		o.ahead = slices.Delete(o.ahead, 0, 1)
	}
}

// Expect puts a sequence that is due at an instant among those that are known.
func (o *Offline) Expect(due time.Time, s *Sequence) {
	s.queued = due
	i, _ := slices.BinarySearchFunc(o.ahead, s, func(a, b *Sequence) int {
		if a.queued.After(b.queued) {
			return 1
		}
		return -1 // of one instant, who came first
	})
	o.ahead = slices.Insert(o.ahead, i, s)
}
