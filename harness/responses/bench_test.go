package responses_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
)

// BenchmarkStream is what the client spends on one chunk of an answer: see that of harness/openai.
func BenchmarkStream(b *testing.B) {
	const chunks = 1000
	var body strings.Builder
	for i := range chunks {
		fmt.Fprintf(&body, "event: response.output_text.delta\ndata: "+`{"content_index":0,"delta":" red","item_id":"msg_b6caffc993976920","logprobs":[],"output_index":0,"sequence_number":%d,"type":"response.output_text.delta"}`+"\n\n", i)
	}
	body.WriteString(events(limited))
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
