package measure

import (
	"fmt"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// StampedByKernel reports whether the kernel said when what we read had come, so that
// a slow client stamps nothing late.
func (w *Window) StampedByKernel() bool { return w.Values(metric.ReadDelay()).N() > 0 }

// Starved says who had the CPU that the client would have needed: the hypervisor,
// or its container's limit.
func (w *Window) Starved() string {
	if steal := w.Sampled.Series("host", "cpu_steal_ratio"); steal.Readings() > 0 && steal.Greatest() >= 0.05 {
		return fmt.Sprintf(" (of this machine's CPU its hypervisor gave up to %s to others)", quantity.Format(steal.Greatest(), quantity.Ratio))
	}
	if held, ok := w.Sampled.Series("client", "cpu_throttled_seconds").PerSecond(); ok && held >= 0.05 {
		return fmt.Sprintf(" (its container's CPU limit held it for %s of the time)", quantity.Format(min(1, held), quantity.Ratio))
	}
	return ""
}

// Throttled reports whether heat or the hardware held back the clock of a GPU.
func (w *Window) Throttled() bool {
	of := w.Sampled.Series("gpu", "gpu_throttled_ratio")
	return of.Readings() > 0 && of.Greatest() > 0
}

// ends are the first and the last reading of the client's own count of requests
// in flight, between which it can be compared with what was recorded.
func (w *Sampled) ends() (from, to time.Duration) {
	of := w.Series("client", harness.SeriesInFlightSeconds)
	return of.begin.at, of.end.at
}
