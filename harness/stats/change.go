package stats

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// A Change is a place in a series from which on its values lie higher or lower.
type Change struct {
	At int     // index of the first value after it
	P  float64 // how likely a split as clear as this would be anywhere in a series without change; at most
}

// Changes finds where the level of a series changes, by binary segmentation: the series is
// cut at the clearest place, and then each part again. The p-value of a cut is that of the
// exact two-sided Mann-Whitney test times the number of possible cuts (Bonferroni); a cut
// stands where it is at most alpha. Each side has a least number of values. Nothing is
// drawn at random: the same series has the same changes.
func Changes(values []float64, least int, alpha float64) []Change {
	return changes(values, 0, max(1, least), alpha)
}

func changes(values []float64, offset, least int, alpha float64) []Change {
	places := len(values) - 2*least + 1
	if places < 1 {
		return nil
	}
	best := clearest(values, least)
	if best.P = min(1, best.P*float64(places)); best.P > alpha {
		return nil
	}
	before := changes(values[:best.At], offset, least, alpha)
	after := changes(values[best.At:], offset+best.At, least, alpha)
	best.At += offset
	return slices.Concat(before, []Change{best}, after)
}

// nearBest is how many cuts are tested exactly: those that are clearest by the normal
// approximation, which is nearly right.
const nearBest = 8

// clearest is the cut with the least p. All cuts together take n·log n steps: from one
// to the next a single value changes sides.
func clearest(values []float64, least int) Change {
	var cuts []Change
	sides := newSplit(values)
	for at := range len(values) {
		if at >= least && at <= len(values)-least {
			cuts = append(cuts, Change{at, sides.p(at, false)})
		}
		sides.move(at)
	}
	byP := func(a, b Change) int { return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.At, b.At)) }
	slices.SortFunc(cuts, byP)
	cuts = cuts[:min(nearBest, len(cuts))]
	again := newSplit(values)
	for at := range len(values) {
		for i := range cuts {
			if cuts[i].At == at {
				cuts[i].P = again.p(at, true)
			}
		}
		again.move(at)
	}
	return slices.MinFunc(cuts, byP)
}

// A split is a series cut in two, and how many pairs of a value before the cut and one
// behind it rise, and how many fall.
type split struct {
	ranks         []int // of each value among all, from 1; equal ones have one rank
	before, after counts
	rise, fall    int
}

func newSplit(values []float64) *split {
	sorted := slices.Compact(slices.Sorted(slices.Values(values)))
	s := &split{before: make(counts, len(sorted)+1), after: make(counts, len(sorted)+1)}
	for _, v := range values {
		rank, _ := slices.BinarySearch(sorted, v)
		s.ranks = append(s.ranks, rank+1)
		s.after.add(rank+1, 1)
	}
	return s
}

// move takes the value at this place to the side before the cut.
func (s *split) move(at int) {
	rank := s.ranks[at]
	s.after.add(rank, -1)
	s.rise -= s.before.below(rank)
	s.fall -= at - s.before.below(rank+1)
	s.fall += s.after.below(rank)
	s.rise += len(s.ranks) - at - 1 - s.after.below(rank+1)
	s.before.add(rank, 1)
}

// exactCut is the product of two sides' lengths up to which the Mann-Whitney distribution is
// computed exactly.
const exactCut = 1_000

// p is the two-sided one of the cut before a place.
func (s *split) p(at int, exact bool) float64 {
	n, m := at, len(s.ranks)-at
	count := max(s.rise, s.fall)
	if exact && n*m <= exactCut {
		atMost := cumulated(mannWhitney(n, m, exactCut))
		return min(1, 2*Shift{differences: make([]float64, n*m), atMost: atMost}.reaching(count))
	}
	pairs := float64(n * m)
	d := distuv.Normal{Mu: pairs / 2, Sigma: math.Sqrt(pairs * float64(n+m+1) / 12)}
	return min(1, 2*d.Survival(float64(count)-0.5))
}

// counts are how often each rank is there, as sums over ranges (Fenwick, Software:
// Practice and Experience 24:3, 1994).
type counts []int

func (c counts) add(rank, by int) {
	for ; rank < len(c); rank += rank & -rank {
		c[rank] += by
	}
}

// below is how many have a smaller rank.
func (c counts) below(rank int) (n int) {
	for rank--; rank > 0; rank -= rank & -rank {
		n += c[rank]
	}
	return n
}
