package responses

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/internal/wiretest"
	"github.com/vllmspec/vllmspec/harness/openai"
)

func read(body string, step int) (chunks []harness.Chunk, failure string) {
	return wiretest.Read(New(new(openai.Client)), body, step)
}

func delta(number int, text string) string {
	return fmt.Sprintf("event: response.output_text.delta\ndata: "+`{"content_index":0,"delta":%s,"item_id":"msg_1","logprobs":[],"output_index":0,"sequence_number":%d,"type":"response.output_text.delta"}`+"\n\n", text, number)
}

const last = "event: response.completed\ndata: " + `{"response":{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":3}},"sequence_number":9,"type":"response.completed"}` + "\n\n"

// FuzzRead holds the reader to two promises: what it makes of a stream does not depend on where the pieces of it
// last, and a stream ends in a whole answer or in a failure.
func FuzzRead(f *testing.F) {
	plain := delta(1, `"a"`) + delta(2, `" b"`) + delta(3, `"café"`) + delta(4, `""`) + delta(5, `"\"q\"\n"`) + delta(6, `"c"`) + delta(12, `"d"`)
	for _, sent := range []string{plain + last, plain, strings.ReplaceAll(plain+last, "\n", "\r\n"), delta(1, `"a"`) + delta(-1, `"b"`) + delta(math.MaxInt, `"c"`) + last,
		delta(1, `"a"`) + delta(2, `{}`) + delta(3, `null`) + last, delta(1, `"a","x":"`+"\x01"+`"`) + last, last + "event: error\ndata: no\n\n", "event: error\n\n", "data: {\"error\":\"no\"}\n\n",
		delta(1, `"a"`) + delta(2, `"b","delta":"c"`) + last, "\xef\xbb\xbf" + last, "data: [DONE]\n\n", last[:len(last)-1], last[:len(last)-2], last[:len(last)-3], "<html>no", "{\"detail\":\"no\"}"} {
		f.Add(sent, 1)
		f.Add(sent, 7)
	}
	f.Fuzz(func(t *testing.T, sent string, step int) {
		whole, failed := read(sent, len(sent)+1)
		cut, cutFailed := read(sent, max(1, step))
		require.Equal(t, failed, cutFailed)
		require.Equal(t, whole, cut)
		finished := false
		for _, c := range whole {
			finished = finished || c.Finish != ""
		}
		require.True(t, finished || failed != "", "neither whole nor failed")
	})
}

// TestRead_shortcutSaysWhatParsingSays feeds events that try to be taken for ones that were seen before.
func TestRead_shortcutSaysWhatParsingSays(t *testing.T) {
	var all, want string
	for i, text := range []string{`"a"`, `" b"`, `"café"`, `""`, `"\"q\""`, `"\n"`, `"x","delta":"y"`, `"z"`} {
		all += delta(i, text)
	}
	for one := range strings.SplitAfterSeq(all, "\n\n") { // each as if it were the first
		chunks, _ := read(one, len(one)+1)
		for _, c := range chunks {
			want += c.Text + "|"
		}
	}
	var got string
	chunks, failed := read(all+last, len(all+last))
	require.Empty(t, failed)
	for _, c := range chunks[:len(chunks)-1] {
		got += c.Text + "|"
	}
	require.Equal(t, want, got)
}
