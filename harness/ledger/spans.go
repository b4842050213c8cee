package ledger

import (
	"math"

	"github.com/vllmspec/vllmspec/harness/vllm"
)

// Series of the server's that tell how long it generates an answer.
const (
	seriesDecodeSum   = vllm.RequestDecodeTime + vllm.Sum
	seriesDecodeCount = vllm.RequestDecodeTime + vllm.Count
	seriesGapsSum     = vllm.InterTokenLatency + vllm.Sum
)

// streamedLeast is the share of answers that came in several pieces, below which their
// spans say nothing of all answers.
const streamedLeast = 0.5

// Spans are how long an answer took from its first token to its last, in seconds: as it
// came to the client, and as the server generated it, both as means. They are compared,
// and not the gaps, because a chunk may hold several tokens or a part of one. Not known
// is what the server does not tell, or tells of other answers too.
func (a *Ledger) Spans() (client, server float64, known bool) {
	server = a.Rise(seriesDecodeSum) / a.Rise(seriesDecodeCount)
	if math.IsNaN(server) {
		server = a.Rise(seriesGapsSum) / a.Rise(SeriesFirstCount)
	}
	client = a.Client.span.Mean()
	streamed := float64(a.Client.span.N) >= streamedLeast*float64(max(1, a.Client.Answered))
	return client, server, streamed && !math.IsNaN(server) && !math.IsInf(server, 0) && a.NotItsOwn() == ""
}
