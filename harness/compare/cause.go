package compare

import (
	"fmt"
	"math"
	"strings"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/vllm"
)

// A stretch is a part of the time of a request, as the server itself or else the
// client has it.
type stretch struct {
	phase slo.Phase
	metric.Metric
	grew string // what is said where its mean grew
}

// stretches are those that a metric consists of, by the server's own account.
func stretches(m metric.Metric) []stretch {
	queue := stretch{slo.PhaseQueue, metric.OfSeries(vllm.RequestQueueTime), "requests waited longer in the server's queue"}
	prefill := stretch{slo.PhasePrefill, metric.OfSeries(vllm.RequestPrefillTime), "prompts took longer to compute"}
	decode := stretch{slo.PhaseDecode, metric.OfSeries(vllm.RequestDecodeTime), "answers took longer to decode"}
	switch m.Phase() {
	case metric.UntilFirst:
		return []stretch{queue, prefill}
	case metric.FromFirst:
		return []stretch{decode}
	case metric.WholeLife:
		return []stretch{queue, prefill, decode}
	}
	return nil
}

// seenByClient are the stretches that a client sees of a metric, where the server
// reports none.
func seenByClient(m metric.Metric) []stretch {
	if m.Phase() == metric.WholeLife {
		return []stretch{{slo.PhaseServer, metric.Of(metric.TTFT()), "first tokens came later"}, {slo.PhaseDecode, metric.Of(metric.TPOT()), "tokens came more slowly"}}
	}
	return nil
}

// because says which part of a request's time grew, and what the server reported of its
// queue and its cache meanwhile.
func (c Row) because() slo.Cause {
	m, _ := metric.Lookup(c.Metric)
	known, of, errorRate := c.Beside != nil, stretches(m), metric.Of(metric.ErrorRate{})
	switch failed := known && c.rose("", errorRate); {
	case c.asksForBetter() && !c.worse():
		return slo.Cause{Summary: "it is not as much better as was asked for, which is no fault"}
	case failed && (of != nil || m.Measures(errorRate.Source)):
		base, now := c.beside("", errorRate)
		return slo.Cause{Summary: "requests failed"}.With(fmt.Sprintf(": %s instead of %s", quantity.Format(median(now), quantity.Ratio), quantity.Format(median(base), quantity.Ratio)))
	case !known || of == nil:
		return slo.NotSeen()
	}
	grown, reported := c.grown(of)
	account := ", by the server's own account"
	if c.Class != "" {
		account += " of all requests"
	}
	switch {
	case !grown.IsZero():
		return grown.With(account + c.meanwhile())
	case len(reported) == len(of):
		return slo.Cause{Summary: "of something outside of the server's engine"}.With(": by its own account nothing took clearly longer, " + strings.Join(reported, ", "))
	}
	if grown, _ = c.grown(seenByClient(m)); !grown.IsZero() {
		return grown.With(c.meanwhile())
	}
	return slo.Cause{Summary: "of something that was not seen"}.With(": one side or both do not tell where the time went in the server")
}

// asksForBetter reports whether the row asks for an improvement.
func (c Row) asksForBetter() bool {
	if c.Relation == harness.AtLeast {
		return c.Limit > 1
	}
	return c.Limit < 1
}

// worse reports whether these runs are worse than the others, beyond chance.
func (c Row) worse() bool {
	if c.Relation == harness.AtLeast {
		return c.above(c.Now, c.Base)
	}
	return c.above(c.Base, c.Now)
}

// beside is a figure of both sides. One of requests is that of the row's class; one that the
// server reports is of all classes.
func (c Row) beside(statistic string, m metric.Metric) (base, now []float64) {
	o := m.Objective(statistic)
	if !m.IsSampled() {
		o.Class = c.Class
	}
	return c.Beside(o)
}

// rose reports whether a figure rose beyond chance, by the test that decides the row.
func (c Row) rose(statistic string, m metric.Metric) bool {
	base, now := c.beside(statistic, m)
	return c.above(base, now)
}

func (c Row) above(base, now []float64) bool {
	if len(base) == 0 || len(now) == 0 {
		return false
	}
	least, _ := Row{Base: base, Now: now, Paired: c.Paired}.shifts(tail)
	return median(now) > median(base) && least.Above(0) <= tail
}

// grown is the stretch that grew most, of those that did beyond chance, as a cause, and
// how all of them that both sides reported changed.
func (c Row) grown(of []stretch) (grown slo.Cause, reported []string) {
	most := 0.0
	for _, p := range of {
		base, now := c.beside("mean", p.Metric)
		if len(base) == 0 || len(now) == 0 {
			continue
		}
		from, to := median(base), median(now)
		reported = append(reported, fmt.Sprintf("%s %s instead of %s", p.Name, quantity.Format(to, quantity.Seconds), quantity.Format(from, quantity.Seconds)))
		if to-from > most && c.above(base, now) {
			most = to - from
			grown = slo.Cause{Phase: p.phase, Summary: p.grew}.With(fmt.Sprintf(": %s on average instead of %s", quantity.Format(to, quantity.Seconds), quantity.Format(from, quantity.Seconds)))
		}
	}
	return grown, reported
}

// meanwhile are the changes of the server's state that mean more work: beyond chance, and
// by a tenth or more.
func (c Row) meanwhile() string {
	var seen []string
	for _, s := range []struct {
		statistic, series string
		less              bool // less of it means more work
		says              string
	}{
		{"total", vllm.NumPreemptions, false, "preemptions"},
		{"", vllm.PrefixCacheHits, true, "of prompt tokens found in its prefix cache"},
		{"mean", vllm.NumRequestsWaiting, false, "requests in its queue on average"},
		{"mean", vllm.NumRequestsRunning, false, "requests in its batch on average"},
	} {
		m := metric.OfSeries(s.series)
		base, now := c.beside(s.statistic, m)
		if len(base) == 0 || len(now) == 0 {
			continue
		}
		from, to := median(base), median(now)
		changed := c.above(base, now)
		if s.less {
			changed = c.above(now, base)
		}
		if changed && math.Abs(to-from) > max(from, to)/10 {
			seen = append(seen, fmt.Sprintf("%s instead of %s %s", quantity.Format(to, m.Unit), quantity.Format(from, m.Unit), s.says))
		}
	}
	if seen == nil {
		return ""
	}
	return ", with " + strings.Join(seen, " and ")
}
