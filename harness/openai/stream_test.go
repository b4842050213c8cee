package openai

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
)

// pieces is a body that comes as it stands here.
type pieces struct{ left [][]byte }

func (p *pieces) Next() ([]byte, error) {
	if len(p.left) == 0 {
		return nil, io.EOF
	}
	next := p.left[0]
	p.left = p.left[1:]
	return next, nil
}

func (p *pieces) Last() (time.Time, time.Duration) { return time.Time{}, harness.Never }

// TestTheShortcutSaysWhatParsingSays feeds events that try to be taken for plain
// ones, once with the shortcut and once parsed in full.
func TestTheShortcutSaysWhatParsingSays(t *testing.T) {
	event := func(text, rest string) string {
		return `data: {"id":"a","choices":[{"index":0,"text":"` + text + `","finish_reason":` + rest + `}]}` + "\n\n"
	}
	body := event(" one", "null") + event(" two", "null") + event(" café", "null") + event("", "null") + event(`\"quoted\"`, "null") + event(`\n`, "null") +
		event(`","finish_reason":"length","x":"`, "null") + event(" three", "null") + event(" end", `"stop"`) + "data: [DONE]\n\n"
	chunks := func(body string) (out []string, finish string) {
		for chunk, err := range read(&pieces{[][]byte{[]byte(body)}}) {
			require.NoError(t, err)
			if chunk.Content() {
				out = append(out, chunk.Text)
			}
			finish += chunk.Finish
		}
		return out, finish
	}
	shortcut, why := chunks(body)
	assert.Equal(t, []string{" one", " two", " café", `"quoted"`, "\n", " three", " end"}, shortcut)
	assert.Equal(t, "stop", why)

	var parsed []string
	for one := range strings.SplitAfterSeq(body, "\n\n") { // each as if it were the first
		if one == "" || strings.Contains(one, "[DONE]") {
			continue
		}
		s := stream{data: []byte(strings.TrimPrefix(one, "data: "))}
		chunk, _, err := s.event(time.Time{}, 0)
		require.NoError(t, err)
		if chunk.Content() {
			parsed = append(parsed, chunk.Text)
		}
	}
	assert.Equal(t, parsed, shortcut)
}

// FuzzEvents holds the reader to what it makes of a stream not depending on where
// the pieces of it end.
func FuzzEvents(f *testing.F) {
	for _, sent := range []string{
		"data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"choices\":[{\"text\":\"é\"}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\\"b\"}}]}\n\n: x\n\ndata: {\"error\":{\"message\":\"no\"}}\n\n",
		"event: x\ndata: {\"choices\":\ndata: [{\"finish_reason\":\"length\"}]}", "data:\n\n", "\r\n\r", "data: {oops\n\n",
	} {
		f.Add(sent, 1)
		f.Add(sent, 5)
	}
	f.Fuzz(func(t *testing.T, sent string, step int) {
		step = max(1, step)
		all := func(step int) (chunks []harness.Chunk, failure string) {
			from := &pieces{}
			for rest := []byte(sent); len(rest) > 0; rest = rest[min(step, len(rest)):] {
				from.left = append(from.left, rest[:min(step, len(rest))])
			}
			for chunk, err := range read(from) {
				if err != nil {
					return chunks, err.Error()
				}
				chunks = append(chunks, chunk)
			}
			return chunks, ""
		}
		whole, wrong := all(len(sent) + 1)
		cut, cutWrong := all(step)
		require.Equal(t, wrong, cutWrong)
		require.Equal(t, whole, cut)
	})
}
