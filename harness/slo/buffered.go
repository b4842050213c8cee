package slo

import (
	"fmt"

	"github.com/vllmspec/vllmspec/harness/measure"
	"github.com/vllmspec/vllmspec/harness/metric"
	"github.com/vllmspec/vllmspec/harness/quantity"
)

// Bounds on streams that did not come as they were made.
const (
	atOnceMost  = 0.10 // share of such answers that a run tolerates
	hastyMost   = 0.50 // share of answers that came in haste after a long wait, before the reader is warned
	spanLeast   = 0.25 // share of the time in which the server generates an answer: one that comes in less was gathered
	spanOff     = 0.02 // s that it is shorter at least
	clumpedMost = 0.50 // share of chunks after the first without an arrival of their own: then the middle one of all gaps is nothing
)

// remedy is what helps where streams do not come as they are made.
const remedy = "switch off buffering between client and server (nginx: proxy_buffering off), or measure without what stands there"

// buffered finds streams that came in few pieces although they were read as soon as
// they came: something between server and client collects what it passes on, and the
// gaps are those of its buffer.
func (w audit) buffered() (found []Finding) {
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
	return w.gathered()
}

// gathered finds streams that came in far less time than the server took to generate them:
// something gathers answers, and then gives them on piece by piece.
func (w audit) gathered() []Finding {
	client, server, known := measure.Spans(w.Window)
	if !known || client >= spanLeast*server || server-client < spanOff || w.readLate() {
		return nil
	}
	return []Finding{{Gaps, fmt.Sprintf("from first to last token an answer took %s to come, and %s to be generated, as the server's metrics tell: something in between gathers answers, so that the time between their tokens is not known; %s",
		quantity.Format(client, quantity.Seconds), quantity.Format(server, quantity.Seconds), remedy)}}
}

// hasty warns of streams that look as if they had been gathered, where the server does not
// tell how long it generated them.
func hasty(w *measure.Window) []string {
	share := float64(w.Streams.Hasty) / float64(max(1, w.Streams.N))
	if _, _, known := measure.Spans(w); known || share <= hastyMost || len((audit{client{w}}).buffered()) > 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s of answers came whole in the last 5 %% of their time, in less than 1 ms from one piece to the next: if something in between gathers answers, as a proxy does that imitates streams, ITL and TPOT are its own; the server's metrics would tell, and do not; %s",
		quantity.Format(share, quantity.Ratio), remedy)}
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
