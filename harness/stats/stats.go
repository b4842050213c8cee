// Package stats computes the quantiles, intervals and tests that verdicts rest on, from
// numbers alone.
package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Ranks are the ranks, from 1, of the order statistics of n values between
// which the p-quantile lies with the given confidence, by the binomial
// distribution and without any assumption on the values' own (David and
// Nagaraja, Order Statistics, 7.1). Where the values count as fewer independent
// ones, the distribution is that of as many (see [Sequence]). An end for which they
// are too few is 0.
func Ranks(n int, effective, p, confidence float64) (low, high int) {
	tail := (1 - confidence) / 2
	each := float64(n) / effective
	if below := binomialQuantile(effective, p, tail); below >= 0 {
		low = 1 + int(math.Floor(each*below+rounding))
	}
	if math.Pow(p, effective) <= tail {
		high = int(math.Ceil(each*(binomialQuantile(effective, p, 1-tail)+1) - rounding))
	}
	if high > n {
		high = 0
	}
	return low, high
}

// rounding is how near to a whole number counts as one.
const rounding = 1e-6

// binomialQuantile is the k at which P(Bin(n,p) ≤ k) has a given value, interpolated
// between whole numbers by the incomplete beta function; -1 < k < n.
func binomialQuantile(n, p, probability float64) float64 {
	low, high := -1.0, n
	for range 60 {
		if middle := (low + high) / 2; binomialCDF(middle, n, p) <= probability {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}

// SamplesFor is the least number of values whose p-quantile has an interval with two
// finite ends: from it on, the probability that all values lie on one side of the quantile
// is no more than the tail.
func SamplesFor(p, confidence float64) int {
	tail := (1 - confidence) / 2
	return int(math.Ceil(math.Log(tail)/math.Log(max(p, 1-p)) - rounding))
}

// binomialCDF is P(Bin(n,p) ≤ k) = I_{1-p}(n-k, k+1).
func binomialCDF(k, n, p float64) float64 {
	switch {
	case k <= -1:
		return 0
	case k >= n:
		return 1
	}
	return mathext.RegIncBeta(n-k, k+1, 1-p)
}

// Share is the interval of Clopper and Pearson (1934) for a share, where k of n values had
// the property and the n count as an effective number of independent ones.
func Share(k, n int, effective, confidence float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	tail := (1 - confidence) / 2
	seen := float64(k) * effective / float64(n)
	high = 1
	if k > 0 {
		low = mathext.InvRegIncBeta(seen, effective-seen+1, tail)
	}
	if k < n {
		high = mathext.InvRegIncBeta(seen+1, effective-seen, 1-tail)
	}
	return low, high
}

// A Mean takes values one by one (Welford, Technometrics 4:3, 1962) and has their
// mean. It is ready for use.
type Mean struct {
	n             int
	mean, squares float64
}

// Add takes a value.
func (m *Mean) Add(v float64) {
	m.n++
	before := v - m.mean
	m.mean += before / float64(m.n)
	m.squares += before * (v - m.mean)
}

// Merge takes all values of another one (Chan, Golub and LeVeque, The American
// Statistician 37:3, 1983).
func (m *Mean) Merge(of *Mean) {
	if of.n == 0 {
		return
	}
	n, apart := float64(m.n+of.n), of.mean-m.mean
	m.squares += of.squares + apart*apart*float64(m.n)*float64(of.n)/n
	m.mean += apart * float64(of.n) / n
	m.n += of.n
}

// Mean is the mean; NaN of no values.
func (m *Mean) Mean() float64 {
	if m.n == 0 {
		return math.NaN()
	}
	return m.mean
}

// Interval is the mean and its interval by Student's t, for an effective number of
// independent values; it is infinite for fewer than two.
func (m *Mean) Interval(effective, confidence float64) (mean, low, high float64) {
	if m.n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	n := float64(m.n)
	return around(m.mean, math.Sqrt(m.squares/(n-1)/effective), effective, confidence)
}

// A Ratio takes pairs of a sum and a count, each from one independent unit, and
// has Σ sums ÷ Σ counts: the mean of pooled values whose units, not whose values,
// are independent. It is ready for use.
type Ratio struct {
	N                                 int // pairs
	sum, count                        float64
	sumSquares, product, countSquares float64
}

// Add takes a pair.
func (r *Ratio) Add(sum, count float64) {
	r.N++
	r.sum, r.count = r.sum+sum, r.count+count
	r.sumSquares, r.product, r.countSquares = r.sumSquares+sum*sum, r.product+sum*count, r.countSquares+count*count
}

// Value is the ratio; NaN of no pairs.
func (r *Ratio) Value() float64 { return r.sum / r.count }

// Interval is the ratio with its interval by linearisation (Cochran, Sampling
// Techniques, 6.3), for an effective number of independent pairs.
func (r *Ratio) Interval(effective, confidence float64) (ratio, low, high float64) {
	if r.count == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	n := float64(r.N)
	ratio = r.sum / r.count
	squares := max(0, r.sumSquares-2*ratio*r.product+ratio*ratio*r.countSquares)
	return around(ratio, math.Sqrt(squares/(n-1)/effective)/(r.count/n), effective, confidence)
}

func around(mean, deviation, n, confidence float64) (float64, float64, float64) {
	if n < 2 {
		return mean, math.Inf(-1), math.Inf(1)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-confidence)/2)
	return mean, mean - t*deviation, mean + t*deviation
}

// ZeroIfNaN is v, or 0 where there is no value.
func ZeroIfNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
