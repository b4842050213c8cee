package messages_test

import (
	"strings"
	"testing"

	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
)

// BenchmarkStream is what the client spends on one chunk of an answer: see that of harness/openai.
func BenchmarkStream(b *testing.B) {
	const chunks = 1000
	var body strings.Builder
	for range chunks {
		body.WriteString(events(fox))
	}
	body.WriteString(events(delta, stop))
	c := clientOf(wiretest.Streamed(body.String()))
	b.ReportAllocs()
	b.SetBytes(int64(body.Len()))
	for b.Loop() {
		n := 0
		for chunk, err := range c.Ask(b.Context(), wiretest.Hello()) {
			if err != nil {
				b.Fatal(err)
			}
			if chunk.Content() {
				n++
			}
		}
		if n != chunks {
			b.Fatal(n, "chunks")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunks, "ns/chunk")
}
