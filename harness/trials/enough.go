package trials

import (
	"math"
	"strconv"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Warming is the part of a run at a setting that is warm-up where it is not said how long
// it is: each begins on an empty server, which is a faster one.
const Warming = 6

// Enough is how many requests the next run of a setting needs that has had so many. A
// first one is to decide objectives that are not near their limits: ten times as many as
// their quantile, or their share, needs for an interval at all, and never so few that
// the run is over before the server is as busy as it will be. What it does not decide is
// near saturation, where that takes long: the runs after it are twice as long, or they
// would all be a little too good.
func Enough(objectives []harness.Objective, runs int) int {
	const margin, least = 10, 2000
	requests := least
	for _, o := range objectives {
		p := 0.5
		if digits, ok := strings.CutPrefix(o.Statistic, "p"); ok {
			if percent, err := strconv.ParseFloat(digits, 64); err == nil {
				p = percent / 100
			}
		} else if o.Metric == "attainment" && o.Limit < 1 {
			p = o.Limit
		}
		requests = max(requests, margin*stats.SamplesFor(math.Max(p, 1-p), .95))
	}
	if runs > 0 {
		return 2 * requests
	}
	return requests
}
