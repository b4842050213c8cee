package messages

import (
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

func delta(text string) string {
	return "event: content_block_delta\ndata: " + `{"type":"content_block_delta","delta":{"type":"text_delta","text":` + text + `},"index":0}` + "\n\n"
}

const last = "event: message_delta\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":3}}` + "\n\nevent: message_stop\ndata: " + `{"type":"message_stop"}` + "\n\n"

// FuzzRead holds the reader to two promises: what it makes of a stream does not depend on where the pieces of it
// last, and a stream ends in a whole answer or in a failure.
func FuzzRead(f *testing.F) {
	plain := delta(`"a"`) + delta(`" b"`) + delta(`"café"`) + delta(`""`) + delta(`"\"q\"\n"`) + delta(`"c"`)
	for _, sent := range []string{plain + last, plain, strings.ReplaceAll(plain+last, "\n", "\r\n"), strings.Replace(last, "max_tokens", "", 1),
		delta(`"a"`) + delta(`{}`) + delta(`null`) + last, delta(`"a","x":"`+"\x01"+`"`) + last, last + "event: error\ndata: no\n\n", "event: error\n\n", "data: {\"error\":\"no\"}\n\n",
		delta(`"a"`) + delta(`"b","delta":"c"`) + last, "\xef\xbb\xbf" + last, "data: [DONE]\n\n", last[:len(last)-1], last[:len(last)-2], last[:len(last)-3], "<html>no", "{\"detail\":\"no\"}"} {
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
	for _, text := range []string{`"a"`, `" b"`, `"café"`, `""`, `"\"q\""`, `"\n"`, `"x","delta":"y"`, `"z"`} {
		all += delta(text)
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
	for _, c := range chunks[:len(chunks)-2] {
		got += c.Text + "|"
	}
	require.Equal(t, want, got)
}
