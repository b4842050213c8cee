package metric

import (
	"iter"
	"time"

	"github.com/vllmspec/vllmspec/harness"
)

// Arrivals are when the output tokens of an answer came, and how many at a time. They go by the
// stamps of its chunks; where the server does not tell how many a chunk holds, they are spread
// evenly over them. Where only the first and the last chunk are known, they are spread evenly
// between the two; where no chunk is, all come with the end.
func Arrivals(r *harness.Record) iter.Seq2[time.Duration, float64] {
	return func(yield func(time.Duration, float64) bool) {
		switch {
		case r.OutputTokens <= 0:
		case r.Seen == harness.SeenNone:
			if r.Done != harness.NoTime {
				yield(r.Done, float64(r.OutputTokens))
			}
		case r.Seen == harness.SeenEnds && len(r.Chunks) > 0:
			spread(r, yield)
		default:
			byChunk(r, yield)
		}
	}
}

func byChunk(r *harness.Record, yield func(time.Duration, float64) bool) {
	even := float64(r.OutputTokens) / float64(len(r.Chunks))
	for i, at := range r.Chunks {
		n := even
		if len(r.ChunkTokens) == len(r.Chunks) {
			n = float64(r.ChunkTokens[i])
		}
		if !yield(at, n) {
			return
		}
	}
}

// spread counts no single tokens: a hundred places tell as much, and files may hold any number.
func spread(r *harness.Record, yield func(time.Duration, float64) bool) {
	first, last := r.Chunks[0], r.Chunks[len(r.Chunks)-1]
	places := min(r.OutputTokens, 100)
	for i := range places {
		at := last
		if i < places-1 {
			at = first + time.Duration(float64(last-first)*float64(i)/float64(places-1))
		}
		if !yield(at, float64(r.OutputTokens)/float64(places)) {
			return
		}
	}
}
