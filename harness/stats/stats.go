// Package stats holds the quantiles and intervals that verdicts rest on. It
// knows numbers only.
package stats

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Quantile is the p-quantile of sorted values, type 7 of Hyndman and Fan (1996):
// linear between the values, as numpy and DuckDB's quantile_cont have it. It is
// NaN for no values.
func Quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) || at == float64(below) {
		return sorted[below]
	}
	lo, hi := sorted[below], sorted[below+1]
	if math.IsInf(hi, 1) {
		return hi // also where both are, which would give NaN
	}
	return lo + (at-float64(below))*(hi-lo)
}

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

// Mean is the mean of values and its interval by Student's t, which is infinite
// for fewer than two values.
func Mean(values []float64, confidence float64) (mean, low, high float64) {
	n := float64(len(values))
	if n == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	for _, v := range values {
		mean += v / n
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return around(mean, math.Sqrt(squares/(n-1)/n), n, confidence)
}

// Ratio is Σ sums ÷ Σ counts, where each pair comes from one independent unit,
// with its interval by linearisation (Cochran, Sampling Techniques, 6.3). It is
// the mean of pooled values whose units, not whose values, are independent.
func Ratio(sums, counts []float64, confidence float64) (ratio, low, high float64) {
	n := float64(len(sums))
	total, weight := 0.0, 0.0
	for i := range sums {
		total, weight = total+sums[i], weight+counts[i]
	}
	if weight == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	ratio = total / weight
	squares := 0.0
	for i := range sums {
		d := sums[i] - ratio*counts[i]
		squares += d * d
	}
	return around(ratio, math.Sqrt(squares/(n-1)/n)/(weight/n), n, confidence)
}

func around(mean, deviation, n, confidence float64) (float64, float64, float64) {
	if n < 2 {
		return mean, math.Inf(-1), math.Inf(1)
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(1 - (1-confidence)/2)
	return mean, mean - t*deviation, mean + t*deviation
}
