package slo

import (
	"fmt"
	"math"
	"time"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Outlook says before a load which of its objectives it is too short to meet, however
// fast the server is, and how long it would have to be. It says nothing of a load of
// which it is not known how many requests it brings.
func Outlook(s harness.Scenario, times int) (says []string) {
	judged := ExpectedRequests(s) * float64(times)
	if judged == 0 {
		return nil
	}
	for _, o := range s.Objectives {
		needed := leastToMeet(o)
		if o.Class != "" || float64(needed) <= judged {
			continue
		}
		factor := float64(needed) / judged
		remedy := fmt.Sprintf("let it bring %s", quantity.Counted(needed, "request"))
		if planned := s.Load.Planned() - s.Warmup; planned > 0 && !byCount(s.Load) {
			remedy = fmt.Sprintf("let it run for %s", quantity.Roughly((s.Warmup + time.Duration(factor*float64(planned))).Seconds()))
		}
		says = append(says, fmt.Sprintf("%s: this load can miss it, but brings too few requests to meet it (some %s, and it takes %s at least); %s or more",
			o.Text, quantity.Grouped(int(math.Round(judged))), quantity.Grouped(needed), remedy))
	}
	return says
}

// leastToMeet is the least number of independent requests that can meet an objective; 0
// where one is enough or it depends on what they take.
func leastToMeet(o harness.Objective) int {
	m, err := metric.OfRow(o)
	if err != nil {
		return 0
	}
	p, isQuantile := metric.Quantile(o.Statistic)
	switch {
	case isQuantile && (m.PerRequest() != nil || m.IsLatency()) && o.Relation != harness.AtLeast:
		return stats.SamplesFor(p, measure.Confidence)
	case isAttainment(m) && o.Relation == harness.AtLeast && o.Limit > 0 && o.Limit < 1:
		return int(math.Ceil(math.Log((1-measure.Confidence)/2) / math.Log(o.Limit))) // all of them good
	}
	return 0
}

func isAttainment(m metric.Metric) bool {
	of, is := m.Source.(metric.Attainment)
	return is && !of.PerSecond
}

// ExpectedRequests is how many requests of a load will be judged; 0 where that is not known.
func ExpectedRequests(s harness.Scenario) float64 {
	switch load := s.Load.(type) {
	case harness.Closed:
		return float64(load.Requests)
	case harness.Open:
		n := math.Inf(1)
		if load.Requests > 0 {
			n = float64(load.Requests)
		}
		if load.For > 0 && load.Arrivals != nil && load.Steady() {
			n = min(n, load.Arrivals.Rate()*(load.For-s.Warmup).Seconds())
		}
		if !math.IsInf(n, 1) {
			return max(0, n)
		}
	}
	return 0
}

// byCount reports whether a load ends with a number of requests.
func byCount(load harness.Load) bool {
	switch load := load.(type) {
	case harness.Closed:
		return load.Requests > 0
	case harness.Open:
		return load.Requests > 0
	}
	return false
}
