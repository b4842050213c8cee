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

// The shape of an answer that was gathered on its way, and then given on piece by piece.
const (
	hastyPace  = time.Millisecond // between its chunks at most; few models are as fast
	hastyLeast = 8                // chunks
	hastyShare = 0.05             // of the time since it was asked for, in which all of them came
)

// Streams are how answers arrived: chunk by chunk, or all at once, or in haste after a long
// wait, as a fast model answers after a long queue, and a proxy that gathers answers.
type Streams struct{ N, AtOnce, Hasty int }

func (s *Streams) take(r *harness.Record) {
	if !r.OK() || len(r.Chunks) < atOnceLeast {
		return
	}
	s.N++
	last := len(r.Chunks) - 1
	span := r.Chunks[last] - r.Chunks[0]
	s.AtOnce += one(span < time.Duration(last)*paceLeast)
	s.Hasty += one(last+1 >= hastyLeast && span < time.Duration(last)*hastyPace && span.Seconds() < hastyShare*(r.Chunks[last]-r.Sent).Seconds())
}

// StampedGaps are how many gaps there are whose chunk has a stamp of its own.
func (w *Window) StampedGaps() int { return w.chunkGaps.N() - w.SharedStamps }

// UsualGap is the median of the gaps between chunks that have a stamp of their own.
func (w *Window) UsualGap() float64 {
	return w.chunkGaps.Rank(w.SharedStamps + (w.chunkGaps.N()-w.SharedStamps+1)/2)
}

// Spans are [ledger.Ledger.Spans]; not known of a run that goes on.
func Spans(w *Window) (client, server float64, known bool) {
	if w.ledger == nil {
		return 0, 0, false
	}
	return w.ledger.Spans()
}
