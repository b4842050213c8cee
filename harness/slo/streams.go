package slo

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// When an answer came all at once.
const (
	paceLeast   = 100 * time.Microsecond // between chunks of one answer; no model is as fast
	atOnceLeast = 3                      // chunks of an answer, of which it can be said that they came at once
)

// streams are how answers arrived: chunk by chunk, or all at once.
type streams struct{ n, atOnce int }

func (s *streams) take(r *harness.Record) {
	if !r.OK() || len(r.Chunks) < atOnceLeast {
		return
	}
	s.n++
	last := len(r.Chunks) - 1
	s.atOnce += one(r.Chunks[last]-r.Chunks[0] < time.Duration(last)*paceLeast)
}

// stampedGaps are how many gaps there are whose chunk has a stamp of its own.
func (w *Window) stampedGaps() int { return w.chunkGaps.N() - w.shared }

// usualGap is the median of the gaps between chunks that have a stamp of their own.
func (w *Window) usualGap() float64 {
	return w.chunkGaps.Rank(w.shared + (w.chunkGaps.N()-w.shared+1)/2)
}
