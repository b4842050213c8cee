package slo

import (
	"math"
	"sort"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// mostFactor is how many times as long a run is at most that is advised.
const mostFactor = 1000

// longer is how many times as many requests decide, where those to come are like those
// that came; 0 where a thousand times as many do not. An end of a share shrinks as 1/n
// and its middle as 1/√n, and ranks jump: so nothing is extrapolated, and the interval
// of that many requests is asked.
func longer(decides func(factor float64) bool) float64 {
	most := 1.0
	for !decides(most) {
		if most *= 1.25; most > mostFactor {
			return 0
		}
	}
	least := most / 1.25
	for range 12 {
		if middle := (least + most) / 2; decides(middle) {
			most = middle
		} else {
			least = middle
		}
	}
	return most
}

// A shareOf is so many of n, and how much larger than it is the unit of what is judged:
// of goodput the rate of requests.
type shareOf struct {
	k, n      int
	effective float64
	unit      float64
}

// decides reports whether a share is decided by so many times as many requests: met for
// any run, or missed by this one.
func (s shareOf) decides(o harness.Objective) func(factor float64) bool {
	return func(factor float64) bool {
		n := int(math.Ceil(factor * float64(s.n)))
		k := int(math.Round(float64(s.k) * float64(n) / float64(s.n)))
		lo, hi := stats.Share(k, n, s.effective*factor, measure.Confidence)
		if Decide(o, lo*s.unit, hi*s.unit) != Unknown {
			return true
		}
		lo, hi = stats.Share(k, n, float64(n), measure.Confidence)
		return Decide(o, lo*s.unit, hi*s.unit) == Missed
	}
}

// quantileDecides reports whether a quantile is decided by so many times as many requests. Which
// side of a limit it lies on is a matter of how many values do.
func quantileDecides(values *stats.Values, o harness.Objective, infinite int, effective, p float64) func(factor float64) bool {
	all := values.N() + infinite
	below := func(limit float64) int { // values that are less
		return sort.Search(values.N(), func(i int) bool { return values.Rank(i+1) >= limit })
	}
	upTo := func(limit float64) int { // …and those that are as much
		return sort.Search(values.N(), func(i int) bool { return values.Rank(i+1) > limit })
	}
	from, to := o.Relation != harness.AtMost, o.Relation != harness.AtLeast // which limits there are
	least, most := 0, all                                                   // values short of the lower one, and up to the upper one
	if from {
		least = below(o.Limit)
	}
	if to {
		most = upTo(cmpUpper(o))
	}
	return func(factor float64) bool {
		n := int(math.Ceil(factor * float64(all)))
		under, upper := float64(n)/float64(all)*float64(least), float64(n)/float64(all)*float64(most)
		inside := func(low, high int) Outcome {
			switch {
			case (!to || high > 0 && float64(high) <= upper) && (!from || float64(low) > under):
				return Met
			case to && float64(low) > upper, from && high > 0 && float64(high) <= under:
				return Missed
			}
			return Unknown
		}
		if inside(stats.Ranks(n, effective*factor, p, measure.Confidence)) != Unknown {
			return true
		}
		return inside(stats.Ranks(n, float64(n), p, measure.Confidence)) == Missed
	}
}
