package trials

import (
	"math"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Warming is the part of a run that is warm-up, where the scenario names none: each run
// begins on an empty server, which answers faster.
const Warming = 6

// Enough is how many requests the next run of a setting needs, after a number of runs. The
// first run decides objectives that are not near their limits: it has ten times as many
// requests as their quantile, or their share, needs for an interval at all, and lasts until
// the server is as busy as it will be. What it leaves undecided is near saturation, where
// that takes long: later runs are twice as long, or all of them would flatter the server.
func Enough(objectives []harness.Objective, runs int) int {
	const margin, least = 10, 2000
	requests := least
	for _, o := range objectives {
		p := 0.5
		if digits, ok := strings.CutPrefix(o.Statistic, "p"); ok {
			if percent, err := strconv.ParseFloat(digits, 64); err == nil {
				p = percent / 100
			}
		} else if m, _ := metric.Lookup(o.Metric); m.Measures(metric.Attainment{}) && o.Limit < 1 {
			p = o.Limit
		}
		requests = max(requests, margin*stats.SamplesFor(math.Max(p, 1-p), .95))
	}
	if runs > 0 {
		return 2 * requests
	}
	return requests
}
