package slo

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// watchings are what it took to watch beside the load: a source that is busy being
// read does less of what it is measured at.
func (w client) watchings() (checks []Check) {
	for _, name := range slices.Sorted(maps.Keys(w.Sampled.Feeds)) {
		of := w.Sampled.Feeds[name]
		n, each := of.Reading()
		if n == 0 || w.Seconds() <= 0 {
			continue
		}
		c := Check{Name: "reading the " + name, Bound: "at most " + quantity.Format(harness.WatchMost, quantity.Ratio) + " of the time, and all come",
			Value: fmt.Sprintf("%s in %s each, %s of the time", quantity.Counted(n, "reading"), quantity.Format(each, quantity.Seconds), quantity.Format(each*float64(n)/w.Seconds(), quantity.Ratio))}
		if of.Missing > 0 {
			c.Value += fmt.Sprintf("; %s did not come", quantity.Counted(of.Missing, "reading"))
		}
		checks = append(checks, c)
	}
	return checks
}
