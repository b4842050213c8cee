package trials

import (
	"math"
	"sort"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// How many runs it takes before the differences between them decide, and with what
// confidence. They are tested again whenever the number of runs has doubled.
const (
	leastRuns = 4
	surely    = 0.98
)

// More is how many further runs a setting gets: one at first, then enough to see how runs
// differ, then as many as there are.
func More(runs int) int {
	switch {
	case runs == 0:
		return 1
	case runs < leastRuns:
		return leastRuns - runs
	}
	return runs
}

// between judges an objective by the differences between runs of one setting: by Student's
// interval of the logarithm of its figure, one value of each run. Requests of one run are
// autocorrelated; runs are independent of each other. It reports whether this is possible.
func between(runs []*measure.Window, o harness.Objective) (v slo.Verdict, ok bool) {
	if len(runs) < leastRuns || o.Limit <= 0 || o.Relation != harness.AtMost && o.Relation != harness.AtLeast {
		return v, false
	}
	var logs, shares stats.Mean
	n, unsound := 0, []string(nil)
	for _, w := range runs {
		v = slo.Judge(w, []harness.Objective{o})[0]
		if !(v.Value > 0) || math.IsInf(v.Value, 1) {
			return v, false
		}
		if v.Outcome == slo.Unknown && v.Doubt != slo.InsideInterval {
			unsound = append(unsound, v.Notes[0]) // however much the runs differ, it is not the server that decides
		}
		logs.Add(math.Log(v.Value))
		shares.Add(beyond(w, v))
		n += v.N
	}
	middle, lo, hi := logs.Interval(float64(len(runs)), surely)
	v.Value, v.Lo, v.Hi, v.N, v.Effective, v.Notes = math.Exp(middle), math.Exp(lo), math.Exp(hi), n, 0, unsound
	v.Outcome = slo.Unknown
	switch below, above := v.Hi <= o.Limit, v.Lo >= o.Limit; {
	case unsound != nil:
	case below && o.Relation == harness.AtMost || above && o.Relation == harness.AtLeast:
		v.Outcome = slo.Met
		if p, ok := quantile(o); ok && !within(&shares, len(runs), 1-p) {
			v.Outcome, v.Notes = slo.Unknown, append(v.Notes, "each run by itself is within the limit, but too few of them tell how often there is a worse one")
		}
	case below || above:
		v.Outcome = slo.Missed
	default:
		v.Notes = append(v.Notes, "the limit lies inside the interval of what the runs differ by")
	}
	v.Lasting = v.Outcome
	return v, true
}

// The quantile of a short run is biased low: rare long queues are in few of the runs. The
// share of requests beyond the limit has no such bias, so it must be small enough as well.

// beyond is the share of a run's requests whose value lies beyond the limit, those
// without an answer among them.
func beyond(w *measure.Window, v slo.Verdict) float64 {
	values := w.Spread(v.Metric)
	inside := sort.Search(values.N(), func(i int) bool { return values.Rank(i+1) > v.Limit })
	return 1 - float64(inside)/float64(max(1, v.N))
}

// within reports whether a mean share is at most this, with confidence.
func within(shares *stats.Mean, runs int, most float64) bool {
	_, _, hi := shares.Interval(float64(runs), surely)
	return hi <= most
}

// quantile of an upper limit; false where it is none, or of a part of the traffic.
func quantile(o harness.Objective) (p float64, ok bool) {
	p, ok = metric.Quantile(o.Statistic)
	m, err := metric.OfRow(o)
	_, pooled := m.Source.(metric.Gap)
	return p, ok && err == nil && !pooled && o.Class == "" && o.Relation == harness.AtMost
}
