package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
	"github.com/vllmspec/vllmspec/harness/slo"
	"github.com/vllmspec/vllmspec/harness/stats"
)

// Row is a row of a comparison with the figures it is about, one of each run.
type Row struct {
	harness.Objective           // as [Parse] reads it
	Base, Now         []float64 // positive; infinite where too few requests were answered
	Paired            bool      // the i-th runs of both sides had the same seed, and other runs other ones
	Against           slo.Reference

	// Beside returns another figure of the same runs, to say why a row was missed. A side
	// that does not have it returns none. It may be nil.
	Beside func(harness.Objective) (base, now []float64)
}

// Judge answers every row. The unit is the run, not the request: what differs from
// run to run cannot be seen in one, and of many requests the slightest shift is
// significant. The ratio is that of Hodges and Lehmann over logarithms, with its exact
// interval. A row is met where the whole interval keeps the limit: all rows have to,
// so none needs a correction. It is missed where the whole interval is beyond it and
// the rank test against the limit stands up to Holm's correction (1979) for as many
// rows as there are: a table of many must not raise an alarm more often than one of
// few.
func Judge(rows []Row) []slo.Verdict {
	verdicts, evidence := make([]slo.Verdict, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		verdicts[i], evidence[i] = row.judge(len(rows))
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(evidence[a], evidence[b]) })
	standing, most := true, 0.0
	for rank, i := range order {
		if standing { // once a row is rejected, so are those with a greater p (Holm)
			most = tail / float64(len(rows)-rank)
			standing = evidence[i] <= most
		}
		if standing || verdicts[i].Outcome != slo.Missed || verdicts[i].N == 0 {
			continue
		}
		verdicts[i].MakeUnknown(slo.InsideInterval, fmt.Sprintf("the whole interval is beyond the limit, but %d rows are judged together, and so p must be at most %.2g, not %.2g; %s", len(rows), most, evidence[i], rows[i].more(rows[i].least(most))+" could decide"))
	}
	for i, v := range verdicts {
		if v.Outcome == slo.Missed && v.N > 0 {
			verdicts[i].Cause = rows[i].because().Explains(v.WasMissed())
		}
	}
	return verdicts
}

// tail is the error probability: what an interval leaves out on each side, and the level of
// the test.
const tail = (1 - measure.Confidence) / 2

// judge answers a row by itself. The evidence is the p-value against it: how likely these
// figures, or worse ones, would be if the limit were just kept.
func (c Row) judge(rows int) (v slo.Verdict, evidence float64) {
	v = slo.Verdict{Objective: c.Objective, Against: c.Against, Unit: c.Against.Unit(), Value: math.NaN(), Lo: math.NaN(), Hi: math.NaN(), N: len(c.Base) + len(c.Now), Outcome: slo.Unknown}
	if len(c.Base) == 0 || len(c.Now) == 0 {
		v.N, v.Outcome, v.Notes = 0, slo.Missed, []string{"not one run on one of the sides has this figure"}
		return v, 1
	}
	least, most := c.shifts(tail)
	estimate := math.NaN()
	if from, to := least.Estimate(), most.Estimate(); to-from < endless || from >= endless || to <= -endless {
		estimate = from/2 + to/2
	}
	lo, _ := least.Interval(measure.Confidence)
	_, hi := most.Interval(measure.Confidence)
	v.Value, v.Lo, v.Hi = math.Exp(estimate), math.Exp(lo), math.Exp(hi)
	v.Medians = [2]float64{median(c.Base), median(c.Now)}
	v.Notes = []string{c.sides()}
	if c.paired(tail) {
		v.Notes = append(v.Notes, "compared by pairs of runs with the same seed")
	}
	least, most = c.shifts(tail / float64(rows))
	evidence = least.Above(math.Log(c.Limit))
	if c.Relation == harness.AtLeast {
		evidence = most.Below(math.Log(c.Limit))
	}
	if v.Outcome = slo.Decide(c.Objective, v.Lo, v.Hi); v.Outcome == slo.Unknown {
		v.MakeUnknown(slo.InsideInterval, c.doubt(estimate, lo, hi))
	}
	return v, evidence
}

// paired reports whether pairs decide where p must be at most this: as soon as there are
// enough of them. What the two runs of a pair share cancels out of their difference.
func (c Row) paired(most float64) bool {
	return c.Paired && len(c.Base) == len(c.Now) && stats.LeastPaired(len(c.Now)) <= most
}

// shifts are the least and the greatest that the shift can be. They differ only where
// both sides have runs with too few answers, or without any throughput: how much worse one
// such run is than another is unknown, and they must not count as equal. Two runs without
// errors, or without a preemption, are equal.
func (c Row) shifts(most float64) (atLeast, atMost stats.Shift) {
	of, worst := stats.Unpaired, 1.0
	if c.paired(most) {
		of = stats.Paired
	}
	if m, err := metric.OfRow(c.Objective); err == nil && m.Better == metric.HigherIsBetter {
		worst = 2
	}
	return of(logs(c.Base, 2, 1), logs(c.Now, 1, worst)), of(logs(c.Base, 1, worst), logs(c.Now, 2, 1))
}

// endless stands for an infinite logarithm. It is finite, for infinities have no
// difference and no mean.
const endless = 1e300

// logs are the logarithms of these values. The logarithms of infinity and of 0 are given
// in multiples of endless.
func logs(values []float64, ofInfinity, ofZero float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		switch out[i] = math.Log(v); {
		case math.IsInf(out[i], 1):
			out[i] = ofInfinity * endless
		case math.IsInf(out[i], -1):
			out[i] = -ofZero * endless
		}
	}
	return out
}

// sides says what was compared: "medians 431 ms and, of the baseline, 412 ms, of 6
// and 6 runs; p = 0.0022 (Mann and Whitney, two-sided)".
func (c Row) sides() string {
	unit := quantity.Unit("")
	if m, err := metric.OfRow(c.Objective); err == nil {
		unit = m.Unit
	}
	return fmt.Sprintf("medians %s and, %s, %s, of %d and %d runs; p = %.2g (Mann and Whitney, two-sided)",
		quantity.Format(median(c.Now), unit), c.Against.Unit(), quantity.Format(median(c.Base), unit), len(c.Now), len(c.Base), stats.MannWhitney(c.Base, c.Now))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

// doubt says why a row is unknown, and what would decide it.
func (c Row) doubt(estimate, lo, hi float64) string {
	if math.IsInf(lo, -1) && math.IsInf(hi, 1) {
		why := "so few runs decide nothing, whatever they gave"
		if len(c.Base) == 1 && len(c.Now) == 1 {
			why = "of one run on each side it is unknown what differs from run to run"
		}
		return why + ": " + c.more(c.least(tail)) + " could decide"
	}
	if math.IsNaN(estimate) || lo <= -endless || hi >= endless {
		if slices.Contains(c.Base, 0) || slices.Contains(c.Now, 0) {
			return "too many runs gave 0, and to 0 nothing has a ratio"
		}
		return "in too many runs too few requests were answered: by how much one of them is worse than another cannot be said"
	}
	distance := math.Abs(estimate - math.Log(c.Limit))
	width := max(hi-estimate, estimate-lo)
	if distance <= 0 || width <= 0 || math.IsInf(width, 0) || width > 10*distance {
		return "the limit lies inside the interval, and so close to the estimate that no reasonable number of repeats would decide"
	}
	n := float64(min(len(c.Base), len(c.Now)))
	return "the limit lies inside the interval: about " + c.more(int(math.Ceil(n*(width/distance)*(width/distance)-n))) + " would decide"
}

// least is how many more runs each side needs before p can be as small as this.
func (c Row) least(most float64) int {
	for more := 1; ; more++ {
		least := stats.LeastUnpaired(len(c.Now)+more, len(c.Base)+more)
		if c.paired(tail) {
			least = stats.LeastPaired(len(c.Now) + more)
		}
		if least <= most {
			return more
		}
	}
}

func (c Row) more(runs int) string {
	return quantity.Counted(max(1, runs), "more repeat") + " on each side"
}
