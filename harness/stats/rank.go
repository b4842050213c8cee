package stats

import (
	"math"
	"slices"
	"sort"

	"golang.org/x/perf/benchmath"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Shift is by how much the values of one sample lie above those of another, as
// ranks alone can tell: nothing is assumed of how the values spread. Under the true
// shift the number of differences above it has a distribution that is known exactly,
// from which the estimate of Hodges and Lehmann (1963), its interval and the tests
// all follow (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3.1
// and 4.1).
type Shift struct {
	differences []float64 // ascending
	atMost      []float64 // P(so many differences, or fewer, lie above the true shift)
}

// Unpaired is the shift between two independent samples, by the distribution of Mann
// and Whitney.
func Unpaired(base, values []float64) Shift {
	return Shift{between(base, values), cumulated(mannWhitney(len(base), len(values), exactUpTo))}
}

// between are all differences of two samples, ascending.
func between(base, values []float64) []float64 {
	differences := make([]float64, 0, len(base)*len(values))
	for _, v := range values {
		for _, b := range base {
			differences = append(differences, difference(b, v))
		}
	}
	slices.Sort(differences)
	return differences
}

// Distributions are those of Mann and Whitney, each computed once for samples of the same sizes: of many figures of the
// same runs. They are exact up to [exactCut] pairs only. The zero value is ready for use, by one goroutine at a time.
type Distributions struct{ ofSizes map[[2]int][]float64 }

// Unpaired is [Unpaired] for samples whose sizes may have occurred before.
func (d *Distributions) Unpaired(base, values []float64) Shift {
	sizes := [2]int{len(base), len(values)}
	if d.ofSizes == nil {
		d.ofSizes = map[[2]int][]float64{}
	}
	if d.ofSizes[sizes] == nil {
		d.ofSizes[sizes] = cumulated(mannWhitney(len(base), len(values), exactCut))
	}
	return Shift{between(base, values), d.ofSizes[sizes]}
}

// Paired is the shift between two samples whose i-th values belong together and share
// what is not the difference, by the distribution of Wilcoxon's signed ranks over the
// means of two differences each.
func Paired(base, values []float64) Shift {
	n := min(len(base), len(values))
	var s Shift
	for i := range n {
		for j := i; j < n; j++ {
			s.differences = append(s.differences, mean(difference(base[i], values[i]), difference(base[j], values[j])))
		}
	}
	slices.Sort(s.differences)
	s.atMost = cumulated(signedRanks(n))
	return s
}

// difference of equals is 0, infinite ones included.
func difference(from, to float64) float64 {
	if from == to {
		return 0
	}
	return to - from
}

func mean(a, b float64) float64 {
	if a == b || a == -b {
		return a/2 + b/2
	}
	return (a + b) / 2
}

// Estimate is the median of all differences.
func (s Shift) Estimate() float64 {
	n := len(s.differences)
	if n == 0 {
		return math.NaN()
	}
	return mean(s.differences[(n-1)/2], s.differences[n/2])
}

// Interval holds the true shift with at least the given confidence; an end for which
// there are too few values is infinite.
func (s Shift) Interval(confidence float64) (low, high float64) {
	n := len(s.differences)
	k := sort.Search(n, func(u int) bool { return s.atMost[u] > (1-confidence)/2 }) // as many are left out on each side
	if n == 0 || k == 0 {
		return math.Inf(-1), math.Inf(1)
	}
	return s.differences[k-1], s.differences[n-k]
}

// Above is the one-sided p-value for the true shift being greater: how likely as many
// differences above this shift would be if the true one were no greater.
func (s Shift) Above(by float64) float64 {
	return s.reaching(len(s.differences) - sort.Search(len(s.differences), func(i int) bool { return s.differences[i] > by }))
}

// Below is the same for the true shift being less.
func (s Shift) Below(by float64) float64 {
	return s.reaching(sort.Search(len(s.differences), func(i int) bool { return s.differences[i] >= by }))
}

// reaching is P(so many differences, or more, lie on one side of the true shift).
func (s Shift) reaching(count int) float64 {
	if count <= 0 {
		return 1
	}
	return s.atMost[len(s.differences)-count] // it is symmetric
}

// Least is the smallest p that [Shift.Above] and [Shift.Below] can come to, which
// they do when all values of one sample lie on one side of the other's.
func (s Shift) Least() float64 { return s.reaching(len(s.differences)) }

// LeastUnpaired is what [Shift.Least] would be of so many values on each side.
func LeastUnpaired(n, m int) float64 {
	p := 1.0
	for i := 1; i <= n; i++ {
		p *= float64(i) / float64(m+i)
	}
	return p
}

// LeastPaired is what [Shift.Least] would be of so many pairs.
func LeastPaired(n int) float64 { return math.Pow(0.5, float64(n)) }

// MannWhitney is the two-sided p of their test, exact for up to 50 values (with ties
// for up to 25), as benchstat gives it; 1 where all values are equal. NaN has no rank:
// with one among the values p is NaN.
func MannWhitney(a, b []float64) float64 {
	if slices.ContainsFunc(a, math.IsNaN) || slices.ContainsFunc(b, math.IsNaN) {
		return math.NaN()
	}
	thresholds := benchmath.DefaultThresholds
	sample := func(v []float64) *benchmath.Sample { return benchmath.NewSample(slices.Clone(v), &thresholds) }
	return benchmath.AssumeNothing.Compare(sample(a), sample(b)).P
}

// exactUpTo is up to how many differences the distribution is computed exactly; beyond it
// the normal approximation is good enough.
const exactUpTo = 10_000

// mannWhitney is the distribution of how many of the n·m differences are above 0
// where both samples are alike: of the largest value, which belongs to either sample
// as often as it has values, and the rest (Mann and Whitney 1947).
func mannWhitney(n, m, exactUpTo int) []float64 {
	if n*m > exactUpTo {
		return normal(n*m, float64(n*m)*float64(n+m+1)/12)
	}
	rows := make([][]float64, m+1) // of the samples with i and j values
	for j := range rows {
		rows[j] = []float64{1}
	}
	for i := 1; i <= n; i++ {
		next := [][]float64{{1}}
		for j := 1; j <= m; j++ {
			ofFirst, ofSecond := float64(i)/float64(i+j), float64(j)/float64(i+j)
			p := make([]float64, i*j+1)
			for u := range p {
				if u >= j && u-j < len(rows[j]) {
					p[u] += ofFirst * rows[j][u-j]
				}
				if u < len(next[j-1]) {
					p[u] += ofSecond * next[j-1][u]
				}
			}
			next = append(next, p)
		}
		rows = next
	}
	return rows[m]
}

// signedRanks is the distribution of the sum of those ranks of n whose difference is
// above 0, where each is as likely above as below.
func signedRanks(n int) []float64 {
	if n*(n+1)/2 > exactUpTo {
		return normal(n*(n+1)/2, float64(n*(n+1)*(2*n+1))/24)
	}
	p := []float64{1}
	for rank := 1; rank <= n; rank++ {
		next := make([]float64, len(p)+rank)
		for u, of := range p {
			next[u] += of / 2
			next[u+rank] += of / 2
		}
		p = next
	}
	return p
}

// normal is a distribution over 0…most with its middle there and the given variance.
func normal(most int, variance float64) []float64 {
	d := distuv.Normal{Mu: float64(most) / 2, Sigma: math.Sqrt(variance)}
	p := make([]float64, most+1)
	for u := range p {
		p[u] = d.CDF(float64(u)+0.5) - d.CDF(float64(u)-0.5)
	}
	return p
}

func cumulated(p []float64) []float64 {
	sum := 0.0
	for i := range p {
		sum += p[i]
		p[i] = sum
	}
	return p
}
