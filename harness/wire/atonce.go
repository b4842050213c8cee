package wire

import (
	"iter"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// ReadAtOnce yields an answer that comes in one piece, as one chunk. The function reads it; its error is the
// answer's failure.
func ReadAtOnce(from client.Body, label string, most int, read func(root gjson.Result, c *harness.Chunk) error) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		whole, err := client.ReadWhole(from, most)
		c := harness.Chunk{At: whole.At, Waited: whole.Waited, Tokens: harness.Unreported, AtOnce: true}
		if err == nil {
			err = readWhole(whole.Body, label, read, &c)
		}
		if err != nil {
			c = harness.Chunk{}
		}
		yield(c, err)
	}
}

func readWhole(body []byte, label string, read func(gjson.Result, *harness.Chunk) error, c *harness.Chunk) error {
	switch {
	case label == EventStream:
		return Malformed("the server streamed the answer, which was asked for in one piece")
	case limit.TooDeep(body):
		return Malformed(Nests("the answer", body))
	case IsPage(body):
		return Malformed("a web page came in place of an answer: " + Complaint(body) + "; is a proxy or a login page in between?")
	case !IsJSON(body):
		return Malformed("the answer is not JSON: " + string(body[:min(len(body), limit.Words)]))
	}
	root := Parsed(body)
	if Truthy(root.Get("error")) || Word(root.Get("type")) == errorEvent {
		return InStream(Complaint(body))
	}
	return read(root, c)
}
