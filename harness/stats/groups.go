package stats

import "math"

// Groups takes values in groups, in the order in which the groups arose, and computes the
// effective sample size for a quantile of all values. Gaps of one answer resemble each
// other, and so do those of answers that share a server's steps. Of a large group, and of
// many groups, a part is kept. The zero value is ready for use.
type Groups struct {
	Detrend     bool // as of [Sequence]
	Approximate bool // as of [Sequence], but as many are kept

	kept       [][]float32
	every      int // of which one is kept; 0 is 1
	n          int
	effectives effectives // where Approximate
}

// How many values of a group are kept, spread evenly over it, and of how many groups.
const (
	keepOfGroup = 16
	keepGroups  = 1 << 14
)

// N is how many groups there are.
func (g *Groups) N() int { return g.n }

// Add takes a group of n values.
func (g *Groups) Add(n int, value func(i int) float64) {
	g.every = max(1, g.every)
	if g.n%g.every == 0 {
		k := min(n, keepOfGroup)
		kept := make([]float32, k)
		for j := range kept {
			kept[j] = float32(value((2*j + 1) * n / (2 * k)))
		}
		g.kept = append(g.kept, kept)
	}
	g.n++
	if len(g.kept) < keepGroups {
		return
	}
	for i := range len(g.kept) / 2 {
		g.kept[i] = g.kept[2*i]
	}
	g.kept = g.kept[:len(g.kept)/2]
	g.every *= 2
}

// EffectiveSize is the effective sample size of the groups where x is their
// p-quantile, at most their number. The share of values beyond x is a ratio of sums over
// groups. Its variance is that of the residuals of the groups (Cochran, Sampling
// Techniques, 6.3), times their autocorrelation time: see [Sequence.EffectiveSize].
func (g *Groups) EffectiveSize(x, p float64) float64 {
	if !g.Approximate {
		return g.effective(x, p)
	}
	if effective, ok := g.effectives.of(p, g.n, true); ok {
		return effective
	}
	return g.effectives.keep(p, g.effective(x, p), g.n)
}

func (g *Groups) effective(x, p float64) float64 {
	n := len(g.kept)
	if n < 4 {
		return float64(g.n)
	}
	beyond, values := make([]float64, n), 0.0
	all := 0.0
	for i, group := range g.kept {
		for _, v := range group {
			if float64(v) > x {
				beyond[i]++
			}
		}
		all += beyond[i]
		values += float64(len(group))
	}
	share, squares := all/values, 0.0
	for i, group := range g.kept {
		beyond[i] -= share * float64(len(group))
		squares += beyond[i] * beyond[i]
	}
	if squares == 0 {
		return float64(g.n)
	}
	timeOf := correlationTimeOf
	if g.Detrend {
		timeOf = detrendedTimeOf
	}
	m := timeOf(beyond)
	variance := squares / float64(n-1) * float64(n) / (values * values) * m.upperBound(n, m.tau)
	return max(1, min(float64(g.n), p*(1-p)/variance))
}

// upperBound is the autocorrelation time with its standard error (Madras and Sokal,
// Journal of Statistical Physics 50 (1988), 109: its relative variance is 2(2M+1)/n),
// and with the inflation that [nearSaturation] describes for a time of so many values.
func (m correlationTime) upperBound(n int, shown float64) float64 {
	return m.tau * (1 + math.Sqrt(2*float64(2*m.window+1)/float64(n))) * (1 + (shown-1)/nearSaturation)
}
