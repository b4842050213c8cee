package steps

import (
	"errors"
	"sync/atomic"

	"github.com/vllmspec/vllmspec/harness"
)

// An Interrupt ends the tests before their time. It may be set from any goroutine. It is looked at
// and not waited for: what was made outside a bubble of virtual time would keep the bubble's clock
// from moving while anything inside waits for it.
type Interrupt struct {
	by atomic.Pointer[harness.Interruption]
}

// Set ends the tests, and says why. The first who does so counts.
func (i *Interrupt) Set(by harness.Interruption) { i.by.CompareAndSwap(nil, &by) }

// By is why the tests are to end, and whether they are.
func (i *Interrupt) By() (harness.Interruption, bool) {
	if by := i.by.Load(); by != nil {
		return *by, true
	}
	return "", false
}

func (i *Interrupt) isSet() bool { return i.by.Load() != nil }

// byParent is what ends the tests beside signals.
const byParent harness.Interruption = "the end of the go test that had started it"

// interrupted is the error of a scenario that was interrupted, whatever did it: it fails, also where
// what is unknown is let pass, because it did not show what it was to show. It is nil where the
// error that the scenario ended with says so already.
func (w *world) interrupted(cause error) error {
	if w.experiment != nil {
		w.experiment.NoteInterrupt()
	}
	stopped := w.stopped()
	if _, said := errors.AsType[harness.Interruption](cause); said || stopped.Kind != harness.StopInterrupted {
		return nil
	}
	return stopped.Err()
}

// stopped is why the scenario ended before its time; the zero value where it did not, or has not.
func (w *world) stopped() harness.Stop {
	if w.experiment != nil {
		return w.experiment.Stopped()
	}
	if by, interrupted := w.suite.interrupt.By(); interrupted {
		return harness.Stop{Kind: harness.StopInterrupted, Detail: string(by)}
	}
	return harness.Stop{}
}
