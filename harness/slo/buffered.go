package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Bounds on streams that did not come as they were made.
const (
	atOnceMost  = 0.10 // share of such answers that a run tolerates
	clumpedMost = 0.50 // share of chunks after the first without an arrival of their own: then the middle one of all gaps is nothing
)

// buffered finds streams that came in few pieces although they were read as soon as
// they came: something between server and client collects what it passes on, and the
// gaps are those of its buffer.
func (w audit) buffered() (found []Finding) {
	const remedy = "switch off buffering between client and server (nginx: proxy_buffering off), or measure without what stands there"
	if share := float64(w.Streams.AtOnce) / float64(max(1, w.Streams.N)); share > atOnceMost {
		return []Finding{{Gaps, fmt.Sprintf("%s of answers came all at once at their end, not as a stream, so that the time between their tokens is not known: %s",
			quantity.Format(share, quantity.Ratio), remedy)}}
	}
	if share := float64(w.SharedStamps) / float64(max(1, w.Chunks-w.Begun)); share > clumpedMost && !w.readLate() {
		if !w.StampedByKernel() { // then it is not known who was slow
			return []Finding{{ChunkGaps, fmt.Sprintf("%s of chunks after the first came in one read with the one before, so that the gaps are not known: the client was too slow to read them one by one, or something in between buffers; give it a free core, or %s",
				quantity.Format(share, quantity.Ratio), remedy)}}
		}
		return []Finding{{ChunkGaps, fmt.Sprintf("%s of chunks after the first came together with the one before, and the client read them at once, so that the gaps are those of a buffer: %s",
			quantity.Format(share, quantity.Ratio), remedy)}}
	}
	return nil
}

// readLate reports whether the client was so slow to read that chunks which came one by
// one lay together in the kernel.
func (w client) readLate() bool {
	delays := w.Values(metric.ReadDelay())
	if delays.N() == 0 || w.StampedGaps() <= 0 {
		return false
	}
	return delays.Quantile(.5, 0) >= w.UsualGap()
}
