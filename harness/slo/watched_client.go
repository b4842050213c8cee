package slo

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// stampedByKernel reports whether the kernel said when what we read had come, so that
// a slow client stamps nothing late.
func (w *Window) stampedByKernel() bool { return w.Spread("read delay").N() > 0 }

// Starved says who had the CPU that the client would have needed: the hypervisor,
// or its container's limit.
func (w *Window) Starved() string {
	if steal := w.watched.of("host", "cpu_steal_ratio"); steal.readings() > 0 && steal.greatest() >= 0.05 {
		return fmt.Sprintf(" (of this machine's CPU its hypervisor gave up to %s to others)", quantity.Format(steal.greatest(), quantity.Ratio))
	}
	if held, ok := w.watched.of("client", "cpu_throttled_seconds").perSecond(); ok && held >= 0.05 {
		return fmt.Sprintf(" (its container's CPU limit held it for %s of the time)", quantity.Format(min(1, held), quantity.Ratio))
	}
	return ""
}

// Throttled reports whether heat or the hardware held back the clock of a GPU.
func (w *Window) Throttled() bool {
	of := w.watched.of("gpu", "gpu_throttled_ratio")
	return of.readings() > 0 && of.greatest() > 0
}

// ends are the first and the last reading of the client's own count of requests
// in flight, between which it can be compared with what was recorded.
func (w *watched) ends() (from, to time.Duration) {
	of := w.of("client", harness.SeriesInFlightSeconds)
	return of.begin.at, of.end.at
}
