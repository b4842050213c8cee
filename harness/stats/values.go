package stats

import (
	"math"
	"slices"
)

// Values takes values one by one and has their order statistics. Up to a limit it
// keeps each of them; beyond it counts them in bins, each a part of 16,384 of its
// octave, so that a value then stands for itself to within 0.004 % and a run of any
// length takes a few megabytes. It is ready for use.
type Values struct {
	kept      []float64
	ordered   int             // how many of them, from the first on, are sorted
	octaves   map[int]*octave // by exponent; nil as long as values are kept
	zeros     int             // and below, which have no octave
	n         int
	least     float64
	most      float64
	ascending []int // exponents
}

// keepMost is how many values are kept as they are.
const keepMost = 1 << 18

const (
	mantissaBits  = 14
	binsPerOctave = 1 << mantissaBits
)

type octave struct {
	bins   [binsPerOctave]uint32
	blocks [binsPerOctave / binsPerBlock]uint32 // sums of bins that follow each other, to find a rank by
	n      int
}

const binsPerBlock = 128

// N is how many values there are.
func (v *Values) N() int { return v.n }

// Add takes a finite value.
func (v *Values) Add(x float64) {
	if v.n == 0 {
		v.least, v.most = x, x
	}
	v.least, v.most = min(v.least, x), max(v.most, x)
	v.n++
	if v.octaves != nil {
		v.count(x)
		return
	}
	if v.kept = append(v.kept, x); len(v.kept) <= keepMost {
		return
	}
	v.octaves = map[int]*octave{}
	for _, x := range v.kept {
		v.count(x)
	}
	v.kept, v.ordered = nil, 0
}

func (v *Values) count(x float64) {
	if x <= 0 {
		v.zeros++
		return
	}
	exponent, bin := binOf(x)
	o := v.octaves[exponent]
	if o == nil {
		o = new(octave)
		v.octaves[exponent] = o
		v.ascending = append(v.ascending, exponent)
		slices.Sort(v.ascending)
	}
	o.bins[bin]++
	o.blocks[bin/binsPerBlock]++
	o.n++
}

// binOf splits a number into its exponent and the first bits of its mantissa, as
// IEEE 754 has them.
func binOf(x float64) (exponent, bin int) {
	bits := math.Float64bits(x)
	return int(bits >> 52), int(bits >> (52 - mantissaBits) & (binsPerOctave - 1))
}

// middle of a bin.
func middle(exponent, bin int) float64 {
	return math.Float64frombits(uint64(exponent)<<52 | uint64(bin)<<(52-mantissaBits) | 1<<(51-mantissaBits))
}

// Merge takes all values of another one.
func (v *Values) Merge(of *Values) {
	for _, x := range of.kept {
		v.Add(x)
	}
	for exponent, o := range of.octaves {
		for bin, n := range o.bins {
			x := min(of.most, max(of.least, middle(exponent, bin)))
			for range n {
				v.Add(x)
			}
		}
	}
	for range of.zeros {
		v.Add(max(0, of.least))
	}
}

// Rank is the value of a rank, from 1 for the least; one above N is infinite, as
// if the values went on with those that never came.
func (v *Values) Rank(rank int) float64 {
	switch {
	case rank > v.n:
		return math.Inf(1)
	case rank <= 1:
		return v.least
	case rank == v.n:
		return v.most
	}
	if v.octaves == nil {
		v.sort()
		return v.kept[rank-1]
	}
	if rank <= v.zeros {
		return 0
	}
	rank -= v.zeros
	for _, exponent := range v.ascending {
		o := v.octaves[exponent]
		if rank > o.n {
			rank -= o.n
			continue
		}
		return min(v.most, max(v.least, middle(exponent, o.find(rank))))
	}
	return v.most
}

// find is the bin of a rank, which is one of its own.
func (o *octave) find(rank int) int {
	block := 0
	for ; rank > int(o.blocks[block]); block++ {
		rank -= int(o.blocks[block])
	}
	bin := block * binsPerBlock
	for ; rank > int(o.bins[bin]); bin++ {
		rank -= int(o.bins[bin])
	}
	return bin
}

// sort sorts the values that were added since, and merges them into the rest from the end: a
// run that goes on is measured again and again, with a few more values each time.
func (v *Values) sort() {
	if v.ordered == len(v.kept) {
		return
	}
	fresh := v.kept[v.ordered:]
	if v.ordered > 0 {
		fresh = slices.Clone(fresh)
	}
	slices.Sort(fresh)
	if v.ordered > 0 {
		old, place := v.ordered-1, len(v.kept)-1
		for next := len(fresh) - 1; next >= 0; place-- {
			if old >= 0 && v.kept[old] > fresh[next] {
				v.kept[place] = v.kept[old]
				old--
			} else {
				v.kept[place] = fresh[next]
				next--
			}
		}
	}
	v.ordered = len(v.kept)
}

// Quantile is the p-quantile of the values and of a number of infinite ones beside them;
// type 7 of Hyndman and Fan (1996): linear between the values, as numpy and
// DuckDB's quantile_cont have it. It is NaN for no values.
func (v *Values) Quantile(p float64, infinite int) float64 {
	n := v.n + infinite
	if n == 0 {
		return math.NaN()
	}
	at := p * float64(n-1)
	below := int(at)
	lo := v.Rank(below + 1)
	if below+1 >= n || at == float64(below) {
		return lo
	}
	hi := v.Rank(below + 2)
	if math.IsInf(hi, 1) {
		return hi // also where both are, which would give NaN
	}
	return lo + (at-float64(below))*(hi-lo)
}
