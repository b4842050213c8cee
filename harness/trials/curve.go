package trials

import (
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/slo"
)

// A Curve is what a sweep shows: how the server does at each rate, or with each
// number of users.
type Curve struct {
	Points []Point `json:"points"` // ascending
	// Knee is the place of the point at which throughput ÷ mean E2E latency is
	// greatest (the power of Kleinrock, ICC 1979): beyond it more load costs more
	// latency than it gives throughput. −1 where no point has both.
	Knee int `json:"knee"`
	GPUs int `json:"gpus,omitempty"` // that the server has; 0: unknown
}

// HasKnee reports whether the knee lies within the sweep. Where throughput ÷ latency is greatest
// at the first setting or at the last, it lies before or beyond.
func (c *Curve) HasKnee() bool { return c.Knee > 0 && c.Knee < len(c.Points)-1 }

// A Point is one rate, or one number of users.
type Point struct {
	Setting   float64       `json:"setting"`
	Runs      []string      `json:"runs"`
	Requests  int           `json:"requests"` // in the measured windows of all its runs
	Figures   []Figure      `json:"figures"`
	Verdicts  []slo.Verdict `json:"verdicts"`
	Outcome   slo.Outcome   `json:"outcome"`
	Saturated string        `json:"saturated,omitempty"` // why this was more than the server could do
	// Pareto says that no other point has both more output throughput and a lower
	// p50 TPOT.
	Pareto bool `json:"pareto"`
}

// NewCurve marks the knee and the Pareto front of points, which must ascend.
func NewCurve(points []Point, gpus int) *Curve {
	c := &Curve{Points: points, Knee: -1, GPUs: gpus}
	best := 0.0
	for i := range points {
		if power := points[i].power(); power > best {
			c.Knee, best = i, power
		}
		points[i].Pareto = c.undominated(i)
	}
	return c
}

// power is throughput ÷ latency; 0 where one of them is not known.
func (p Point) power() float64 {
	throughput, latency := p.value(metric.Total{Of: metric.Ended, PerSecond: true}, ""), p.value(metric.E2E(), "mean")
	if throughput == nil || latency == nil || *latency <= 0 || p.Saturated != "" {
		return 0
	}
	return *throughput / *latency
}

func (p Point) value(of metric.Source, statistic string) *float64 {
	f, _ := Named(p.Figures, metric.Of(of).Objective(statistic).Name())
	return f.Value
}

func (p Point) output() *float64 {
	return p.value(metric.Total{Of: metric.OutputTokens, PerSecond: true}, "")
}
func (p Point) perToken() *float64 { return p.value(metric.TPOT(), "p50") }

// undominated reports whether no other point is at least as good in throughput and
// in the time per token, and better in one of them.
func (c *Curve) undominated(i int) bool {
	throughput, wait := c.Points[i].output(), c.Points[i].perToken()
	if throughput == nil || wait == nil {
		return false
	}
	for j, other := range c.Points {
		more, faster := other.output(), other.perToken()
		if j == i || more == nil || faster == nil {
			continue
		}
		if *more >= *throughput && *faster <= *wait && (*more > *throughput || *faster < *wait) {
			return false
		}
	}
	return true
}
