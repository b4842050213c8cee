// Package stats holds the quantiles and intervals that verdicts rest on. It
// knows numbers only.
package stats

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Ranks are the ranks, from 1, of the order statistics of n values between
// which the p-quantile lies with the given confidence, by the binomial
// distribution and without any assumption on the values' own (David and
// Nagaraja, Order Statistics, 7.1). An end for which n is too small is 0.
func Ranks(n int, p, confidence float64) (low, high int) {
	tail := (1 - confidence) / 2
	// P(Bin(n,p) ≤ k) rises with k, so the ends can be searched for.
	low = sort.Search(n, func(k int) bool { return binomialCDF(k, n, p) > tail })
	high = 1 + sort.Search(n, func(k int) bool { return binomialCDF(k, n, p) >= 1-tail })
	if high > n {
		high = 0
	}
	return low, high
}

// SamplesFor is the least number of values whose p-quantile has a finite
// interval on both sides.
func SamplesFor(p, confidence float64) int {
	return 1 + sort.Search(1<<24, func(n int) bool {
		low, high := Ranks(n+1, p, confidence)
		return low > 0 && high > 0
	})
}

// binomialCDF is P(Bin(n,p) ≤ k) = I_{1-p}(n-k, k+1).
func binomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return mathext.RegIncBeta(float64(n-k), float64(k+1), 1-p)
}

// Share is the interval of Clopper and Pearson (1934) for a share of which k of
// n were seen.
func Share(k, n int, confidence float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	tail := (1 - confidence) / 2
	high = 1
	if k > 0 {
		low = mathext.InvRegIncBeta(float64(k), float64(n-k+1), tail)
	}
	if k < n {
		high = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-tail)
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

// Interval is the mean and its interval by Student's t, which is infinite for
// fewer than two values.
func (m *Mean) Interval(confidence float64) (mean, low, high float64) {
	if m.n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	n := float64(m.n)
	return around(m.mean, math.Sqrt(m.squares/(n-1)/n), n, confidence)
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

// Interval is the ratio with its interval by linearisation (Cochran, Sampling
// Techniques, 6.3).
func (r *Ratio) Interval(confidence float64) (ratio, low, high float64) {
	if r.count == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	n := float64(r.N)
	ratio = r.sum / r.count
	squares := max(0, r.sumSquares-2*ratio*r.product+ratio*ratio*r.countSquares)
	return around(ratio, math.Sqrt(squares/(n-1)/n)/(r.count/n), n, confidence)
}

func around(mean, deviation, n, confidence float64) (float64, float64, float64) {
	if n < 2 {
		return mean, math.Inf(-1), math.Inf(1)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-confidence)/2)
	return mean, mean - t*deviation, mean + t*deviation
}
