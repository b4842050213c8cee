package metric

import (
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// An Instant is one in the life of a request.
type Instant int

// The instants, in the order in which they come.
const (
	DueAt       Instant = iota // when the request was due
	SentAt                     // when it was sent
	FirstChunk                 // when the first content came, reasoning included
	FirstAnswer                // when the first content came that is no reasoning
	LastChunk                  // when the last content came
	DoneAt                     // when the answer ended
)

// of is the instant of a request, or Never.
func (i Instant) of(r *harness.Record) time.Duration {
	switch i {
	case DueAt:
		return r.Due
	case SentAt:
		return r.Sent
	case FirstChunk:
		return r.FirstToken()
	case FirstAnswer:
		return r.FirstAnswer
	case LastChunk:
		if len(r.Chunks) == 0 {
			return harness.NoTime
		}
		return r.Chunks[len(r.Chunks)-1]
	}
	return r.Done
}

// of is how much a request has of a divisor; 0 where that is not known.
func (p Per) of(r *harness.Record) float64 {
	if p == ClipSecond {
		return max(0, r.Clip.Seconds())
	}
	return float64(p.count(r))
}

func (p Per) count(r *harness.Record) int {
	switch p {
	case OutputToken:
		return max(0, r.OutputTokens)
	case LaterToken:
		return max(0, r.OutputTokens-1)
	case Input:
		return max(0, r.Inputs)
	}
	return 1
}

// Value is the latency of a request in seconds. One that ends with the answer has a value only
// where the answer came whole, with some content: a failed request, or one that was filtered,
// is never a fast one. One that ends with the first content has a value where the answer began,
// also of requests that were given up after that.
func (l Latency) Value(r *harness.Record) (float64, bool) {
	seconds, is := l.Shown(r)
	return seconds, is && r.HasContent() && !r.Failed()
}

// Shown is the latency of a request whose instants came. One that ends with the first content
// is shown of a request that failed later, too; the others are of whole answers only.
func (l Latency) Shown(r *harness.Record) (float64, bool) {
	from, to, n := l.From.of(r), l.To.of(r), l.Per.of(r)
	if from == harness.NoTime || to == harness.NoTime || to < from || n == 0 {
		return 0, false
	}
	if l.Per == ClipSecond {
		return (to - from).Seconds() / n, r.OK()
	}
	return ((to - from) / time.Duration(n)).Seconds(), !l.ofWhole() || r.OK()
}

// ofWhole reports whether only a whole answer has this latency.
func (l Latency) ofWhole() bool { return l.To >= LastChunk }

// Value is the longest gap of a whole answer, in seconds.
func (LongestGap) Value(r *harness.Record) (float64, bool) {
	gap := r.LongestGap()
	return gap.Seconds(), r.OK() && gap >= 0
}

// Shown is the value.
func (g LongestGap) Shown(r *harness.Record) (float64, bool) { return g.Value(r) }

// Value is how long it took, in seconds.
func (o OwnTime) Value(r *harness.Record) (float64, bool) {
	d := o.Of(r)
	return d.Seconds(), d != harness.NoTime
}

// Shown is the value.
func (o OwnTime) Shown(r *harness.Record) (float64, bool) { return o.Value(r) }

// Value is the count of a whole answer.
func (c RequestCount) Value(r *harness.Record) (float64, bool) {
	n, is := c.Shown(r)
	return n, is && r.OK()
}

// Shown is the count, of whatever came.
func (c RequestCount) Shown(r *harness.Record) (float64, bool) {
	n := c.Of(r)
	return float64(n), n != harness.Unreported
}

// Waited is the least that the latency of a request can be that was cut off: it had waited
// for so long. Where that says nothing of the latency it is 0.
func (l Latency) Waited(r *harness.Record) float64 {
	if l.From != DueAt || l.Per != Undivided {
		return 0
	}
	return max(0, r.E2E().Seconds())
}
