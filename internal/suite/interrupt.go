package suite

import (
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
