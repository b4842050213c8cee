package slo

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
)

// watchings are what it took to watch beside the load: a source that is busy being
// read does less of what it is measured at.
func (w *Window) watchings() (checks []Check) {
	for _, name := range slices.Sorted(maps.Keys(w.watched.sources)) {
		of := w.watched.sources[name]
		n := of.took.values.N()
		if n == 0 || w.seconds() <= 0 {
			continue
		}
		each, _, _ := of.took.mean.Interval(float64(n), confidence)
		c := Check{Name: "reading the " + name, Bound: "at most " + FormatQuantity(harness.WatchMost, Ratio) + " of the time, and all come",
			Value: fmt.Sprintf("%s in %s each, %s of the time", counted(n, "reading"), FormatQuantity(each, Seconds), FormatQuantity(each*float64(n)/w.seconds(), Ratio))}
		if of.missing > 0 {
			c.Value += fmt.Sprintf("; %s did not come", counted(of.missing, "reading"))
		}
		checks = append(checks, c)
	}
	return checks
}
