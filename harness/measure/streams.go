package measure

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// When an answer came all at once.
const (
	paceLeast   = 100 * time.Microsecond // between chunks of one answer; no model is as fast
	atOnceLeast = 3                      // chunks of an answer, of which it can be said that they came at once
)

// Streams are how answers arrived: chunk by chunk, or all at once.
type Streams struct{ N, AtOnce int }

func (s *Streams) take(r *harness.Record) {
	if !r.OK() || len(r.Chunks) < atOnceLeast {
		return
	}
	s.N++
	last := len(r.Chunks) - 1
	s.AtOnce += one(r.Chunks[last]-r.Chunks[0] < time.Duration(last)*paceLeast)
}

// StampedGaps are how many gaps there are whose chunk has a stamp of its own.
func (w *Window) StampedGaps() int { return w.chunkGaps.N() - w.SharedStamps }

// UsualGap is the median of the gaps between chunks that have a stamp of their own.
func (w *Window) UsualGap() float64 {
	return w.chunkGaps.Rank(w.SharedStamps + (w.chunkGaps.N()-w.SharedStamps+1)/2)
}
