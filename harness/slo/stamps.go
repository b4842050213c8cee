package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// sharedMost is the share of chunks without a stamp of their own that figures bear,
// and sharedOfTail the share of those values beyond a quantile that decide it: of a
// p99 it tolerates a tenth of a hundredth.
const (
	sharedMost   = 0.01
	sharedOfTail = 0.1
)

// tolerance is the share of chunks without a stamp of their own that a statistic tolerates,
// and how far from the usual ones those chunks are that decide it.
func tolerance(statistic string) (share, level float64) {
	tail := 1.0
	if p, ok := metric.Quantile(statistic); ok {
		tail = min(p, 1-p)
	} else if statistic == "max" || statistic == "min" {
		tail = 0
	}
	return min(sharedMost, sharedOfTail*tail), max(.99, 1-tail)
}

// A stampError is how far off stamps may be, because the client was too slow to see
// what came when it came, and why.
type stampError struct {
	by  float64 // s
	why string
}

// gapStampError is that of gaps between chunks. A request's longest gap is off as soon as one
// of its chunks is.
func (w client) gapStampError(m metric.Metric, statistic string) stampError {
	together := measure.Coalesced(w.Window).Value
	share := together
	if m.PerRequest() != nil {
		share = float64(w.SharedStamps) / float64(max(1, w.Begun))
	}
	return w.unseen(share, statistic, fmt.Sprintf("tokens one by one: %s of them came in one read with the one before", quantity.Format(together, quantity.Ratio)))
}

// firstStampError is that of first chunks: one that was read together with the next has
// a stamp that is too late, and the server would be blamed for it.
func (w client) firstStampError(m metric.Metric, statistic string) stampError {
	share := float64(w.FirstShared) / float64(max(1, w.Begun))
	b := w.unseen(share, statistic, fmt.Sprintf("first tokens when they came: %s of them came in one read with the second", quantity.Format(share, quantity.Ratio)))
	if m.IsBetweenChunks() { // of a mean over the gaps of an answer the first is one
		b.by /= max(1, w.Values(metric.AnswerLength()).Quantile(shortAnswer, 0)-1)
	}
	return b
}

// shortAnswer is the quantile of answers' lengths that stands for a short one.
const shortAnswer = 0.05

// unseen is there where more of what the client should have seen than a statistic
// tolerates has a stamp of something later. Chunks that one read brought share its stamp;
// where they lay in the kernel for longer than a gap, that was our doing, and not the
// server's or the network's.
func (w client) unseen(share float64, statistic, what string) (b stampError) {
	delays := w.Values(metric.ReadDelay())
	most, level := tolerance(statistic)
	if !(share > most) || delays.N() == 0 || w.StampedGaps() <= 0 {
		return b
	}
	delay := delays.Quantile(level, 0)
	if delay < w.UsualGap() {
		return b
	}
	return stampError{delay, fmt.Sprintf("the client was too slow to see %s, after up to %s in the kernel (p%g), and that decides; give it a free core, or lower the rate%s",
		what, quantity.Format(delay, quantity.Seconds), 100*level, w.Starved())}
}
