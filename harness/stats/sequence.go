package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// A Sequence takes values in the order in which they arose and computes their effective
// sample size: how many independent values would tell as much. Requests that follow each
// other share batches and queues, so their latencies are autocorrelated. A long sequence
// is thinned, and then counts no more than what is kept of it. The zero value is ready for
// use.
type Sequence struct {
	// Detrend subtracts slow changes, over a tenth of the sequence. It is for changes that
	// are intended, such as a rate that rises: they are no autocorrelation.
	Detrend bool
	// Approximate reuses an effective sample size that was computed when the sequence was
	// up to a fifth shorter, in proportion to the number of values, and keeps a quarter of
	// the values. It is for a run that goes on and is measured again and again.
	Approximate bool

	kept       []float32
	every      int // of which one is kept; 0 is 1
	n          int
	effectives effectives
	rank       *correlationTime
	ranked     int // how many values there were when rank was computed
}

// effectives are the sizes that were computed, by quantile, or [ofMean].
type effectives map[float64]known

type known struct {
	effective float64
	n         int // how many values there were
}

const ofMean = -1

// of is the effective sample size of n values, where it was computed for as many, or where
// approximate allows it for nearly as many.
func (w effectives) of(p float64, n int, approximate bool) (float64, bool) {
	k, ok := w[p]
	if !ok || k.n != n && !(approximate && n <= k.n+k.n/4) {
		return 0, false
	}
	return k.effective * float64(n) / float64(k.n), true
}

// keep remembers the effective sample size of n values.
func (w *effectives) keep(p, effective float64, n int) float64 {
	if *w == nil {
		*w = effectives{}
	}
	(*w)[p] = known{effective, n}
	return effective
}

// keepInOrder is how many values of a sequence are kept.
const keepInOrder = 1 << 16

// N is how many values there are.
func (s *Sequence) N() int { return s.n }

// Add takes a value, which may be infinite.
func (s *Sequence) Add(x float64) {
	s.every = max(1, s.every)
	if s.n%s.every == 0 {
		s.kept = append(s.kept, float32(x))
	}
	s.n++
	most := keepInOrder
	if s.Approximate {
		most /= 4
	}
	if len(s.kept) < most {
		return
	}
	for i := range len(s.kept) / 2 {
		s.kept[i] = s.kept[2*i]
	}
	s.kept = s.kept[:len(s.kept)/2]
	s.every *= 2
}

// nearSaturation is by how much an estimated autocorrelation time is inflated: a server
// near saturation has rare long queues, and a run with few of them underestimates it. A
// time of so many values is doubled. The number is from calibration, not from theory.
const nearSaturation = 10

// EffectiveSize is the effective sample size of this sequence where its p-quantile,
// or the share of values beyond it, is estimated: n ÷ τ, where τ is the integrated
// autocorrelation time of the indicator of that quantile or of the ranks, whichever
// is longer. Values beyond a high quantile are too rare to show how they depend on each
// other; ranks always do. The upper bound of τ is taken: see [nearSaturation].
func (s *Sequence) EffectiveSize(p float64) float64 {
	if effective, ok := s.effectives.of(p, s.n, s.Approximate); ok {
		return effective
	}
	n := len(s.kept)
	if n < 4 {
		return float64(s.n)
	}
	ranks := s.ranks()
	s.remember(ranks)
	beyond := make([]float64, n)
	for i, r := range ranks {
		if r > p*float64(n) {
			beyond[i] = 1
		}
	}
	return s.effectives.keep(p, s.of(longer(s.correlationTimeOf(beyond), *s.rank)), s.n)
}

// EffectiveSizeOfMean is the effective sample size for the mean of the values that are finite.
func (s *Sequence) EffectiveSizeOfMean() float64 {
	if effective, ok := s.effectives.of(ofMean, s.n, s.Approximate); ok {
		return effective
	}
	finite := make([]float64, 0, len(s.kept))
	for _, x := range s.kept {
		if !math.IsInf(float64(x), 0) {
			finite = append(finite, float64(x))
		}
	}
	if len(finite) < 4 {
		return float64(s.n)
	}
	if s.ranked != s.n {
		s.remember(s.ranks())
	}
	return s.effectives.keep(ofMean, s.of(longer(s.correlationTimeOf(finite), *s.rank)), s.n)
}

func (s *Sequence) remember(ranks []float64) {
	if s.ranked != s.n {
		m := s.correlationTimeOf(ranks)
		s.rank, s.ranked = &m, s.n
	}
}

func (s *Sequence) correlationTimeOf(x []float64) correlationTime {
	if s.Detrend {
		return detrendedTimeOf(x)
	}
	return correlationTimeOf(x)
}

func detrendedTimeOf(x []float64) correlationTime {
	return correlationTimeOf(withoutTrend(x, len(x)/10))
}

// withoutTrend takes from each value the mean of those around it, over a width.
func withoutTrend(x []float64, width int) []float64 {
	sums := make([]float64, len(x)+1)
	for i, v := range x {
		sums[i+1] = sums[i] + v
	}
	out := make([]float64, len(x))
	for i, v := range x {
		from, to := max(0, i-width/2), min(len(x), i+width/2+1)
		out[i] = v - (sums[to]-sums[from])/float64(to-from)
	}
	return out
}

func (s *Sequence) of(m correlationTime) float64 {
	n := len(s.kept)
	return max(1, min(float64(s.n), float64(n)/m.upperBound(n, s.rank.tau)))
}

// ranks of the values, from 1; equal ones share the mean of theirs.
func (s *Sequence) ranks() []float64 {
	order := make([]int, len(s.kept))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case s.kept[a] < s.kept[b]:
			return -1
		case s.kept[a] > s.kept[b]:
			return 1
		}
		return a - b
	})
	ranks := make([]float64, len(order))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && s.kept[order[j]] == s.kept[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			ranks[at] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// A correlationTime is over how many values in a row one resembles the next.
type correlationTime struct {
	tau    float64 // integrated autocorrelation time, at least 1
	window int     // lags that it was summed over
}

func longer(a, b correlationTime) correlationTime {
	if a.tau >= b.tau {
		return a
	}
	return b
}

// correlationTimeOf sums autocorrelations over Geyer's initial monotone sequence (Statistical
// Science 7 (1992), 473): sums of pairs of lags, up to the first that is not positive
// and none larger than the one before.
func correlationTimeOf(x []float64) correlationTime {
	m := correlationTime{tau: -1}
	least := math.Inf(1)
	correlation := autocorrelation(x)
	for lag := 0; lag+1 < len(x) && correlation != nil; lag += 2 {
		pair := correlation(lag) + correlation(lag+1)
		if !(pair > 0) {
			break
		}
		least = min(least, pair)
		m.tau += 2 * least
		m.window = lag + 1
	}
	m.tau = max(1, m.tau)
	return m
}

// fewLags is how many lags are computed one by one; beyond it a transform of all is cheaper.
const fewLags = 64

// autocorrelation by lag, from 0; nil where nothing varies. Most correlation times are
// short: the first few lags are summed as they are asked for, and all are computed only
// where more are needed.
func autocorrelation(x []float64) func(lag int) float64 {
	if slices.Min(x) == slices.Max(x) {
		return nil
	}
	mean := 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	apart := make([]float64, len(x))
	for i, v := range x {
		apart[i] = v - mean
	}
	at := func(lag int) (sum float64) {
		for i, v := range apart[lag:] {
			sum += v * apart[i]
		}
		return sum
	}
	variance := at(0)
	var all []float64
	return func(lag int) float64 {
		if lag < fewLags {
			return at(lag) / variance
		}
		if all == nil {
			all = autocovariance(apart)
		}
		return all[lag] / variance
	}
}

// autocovariance, times the number of values, of all lags, by Fourier transform (Wiener
// and Khinchin).
func autocovariance(apart []float64) []float64 {
	size := 1
	for size < 2*len(apart) {
		size *= 2
	}
	padded := make([]float64, size)
	copy(padded, apart)
	transform := fourier.NewFFT(size)
	spectrum := transform.Coefficients(nil, padded)
	for i, c := range spectrum {
		spectrum[i] = complex((real(c)*real(c)+imag(c)*imag(c))/float64(size), 0)
	}
	return transform.Sequence(padded, spectrum)[:len(apart)]
}
