package openai

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// pieces is a body that comes as it stands here.
type pieces struct {
	left [][]byte
	end  error // nil: io.EOF
}

func (p *pieces) Next() ([]byte, error) {
	if len(p.left) == 0 {
		return nil, cmp.Or(p.end, io.EOF)
	}
	next := p.left[0]
	p.left = p.left[1:]
	return next, nil
}

func (p *pieces) Within(time.Duration) {}

func (p *pieces) Last() (time.Time, time.Duration) { return time.Time{}, harness.NoTime }

// TestStream_shortcutSaysWhatParsingSays feeds events that try to be taken for plain
// ones, once with the shortcut and once parsed in full.
func TestStream_shortcutSaysWhatParsingSays(t *testing.T) {
	event := func(text, rest string) string {
		return `data: {"id":"a","choices":[{"index":0,"text":"` + text + `","finish_reason":` + rest + `}]}` + "\n\n"
	}
	body := event(" one", "null") + event(" two", "null") + event(" café", "null") + event("", "null") + event(`\"quoted\"`, "null") + event(`\n`, "null") +
		event(`","finish_reason":"length","x":"`, "null") + event(" three", "null") + event(" end", `"stop"`) + "data: [DONE]\n\n"
	chunks := func(body string) (out []string, finish string) {
		for chunk, err := range new(Client).Read(&pieces{left: [][]byte{[]byte(body)}}, wire.EventStream, math.MaxInt) {
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
		var s stream
		s.Field([]byte(strings.TrimSpace(one)))
		chunk, _, err := s.event(time.Time{}, 0)
		require.NoError(t, err)
		if chunk.Content() {
			parsed = append(parsed, chunk.Text)
		}
	}
	assert.Equal(t, parsed, shortcut)
}

func TestStream_brokenConnectionAfterTheEndIsARemark(t *testing.T) {
	const text, finish = `data: {"choices":[{"text":"a"}]}` + "\n\n", `data: {"choices":[{"finish_reason":"stop"}]}` + "\n\n"
	const usage, done = `data: {"choices":[],"usage":{"completion_tokens":1}}` + "\n\n", "data: [DONE]\n\n"
	broken := errors.New("it broke")
	for sent, c := range map[string]struct {
		end     error
		fails   string
		remarks int
	}{
		text + finish + usage + done:  {broken, "", 1},
		text + finish + done:          {broken, "", 1},
		text + finish + usage:         {broken, "", 1},
		text + finish:                 {broken, "", 1},
		text:                          {broken, "it broke", 0},
		text + done:                   {broken, "without a finish reason", 0},
		text + finish + ":\n":         {context.Canceled, "", 0},
		text + finish + "\n":          {io.EOF, "", 0},
		text + `data: {"error":"no"`:  {broken, "it broke", 0},
		text + `data: {"error":"no"}`: {broken, "no", 0},
	} {
		client := new(Client)
		var failed error
		for _, err := range client.Read(&pieces{left: [][]byte{[]byte(sent)}, end: c.end}, wire.EventStream, math.MaxInt) {
			failed = err
		}
		if c.fails == "" {
			require.NoError(t, failed, sent)
		} else {
			require.ErrorContains(t, failed, c.fails, sent)
		}
		assert.Len(t, client.Remarks(), c.remarks, sent)
	}
}

// TestStream_eventMayBeLong has one that is just not too long, and one that never ends.
func TestStream_eventMayBeLong(t *testing.T) {
	const step = 1 << 20
	for _, c := range []struct {
		mebibytes int
		fails     string
	}{{60, ""}, {66, "an event of the stream is longer than 64 MiB"}} {
		from := &pieces{left: [][]byte{[]byte(`data: {"choices":[{"finish_reason":"stop","text":"`)}}
		for range c.mebibytes {
			from.left = append(from.left, bytes.Repeat([]byte("x"), step))
		}
		from.left = append(from.left, []byte("\"}]}\n\n"))
		got, said := 0, ""
		for chunk, err := range new(Client).Read(from, wire.EventStream, math.MaxInt) {
			if got += len(chunk.Text); err != nil {
				said = err.Error()
			}
		}
		assert.Contains(t, said, c.fails)
		if c.fails == "" {
			assert.Equal(t, fmt.Sprint(c.mebibytes*step, ""), fmt.Sprint(got, said))
		}
	}
}

// FuzzEvents holds the reader to what it makes of a stream not depending on where
// the pieces of it end.
func FuzzEvents(f *testing.F) {
	for _, sent := range []string{
		"data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"choices\":[{\"text\":\"é\"}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"\\\"b\"}}]}\n\n: x\n\ndata: {\"error\":{\"message\":\"no\"}}\n\n",
		"event: x\ndata: {\"choices\":\ndata: [{\"finish_reason\":\"length\"}]}", "data:\n\n", "\r\n\r", "data: {oops\n\n",
		"\xef\xbb\xbfdata: {\"choices\":[{\"text\":\"a\"}]}\r\rdata: {\"choices\":[{\"text\":\"b\"}]}\r\n\r\ndata: {\"choices\":[{\"text\":\"c\",\"finish_reason\":\"stop\"}]}\n\rdata: [DONE]",
		"event: error\ndata: no\ndata: room", "data: {\"detail\":[{\"msg\":\"no\"}]}\n\n", "{\"error\":\"no\"}\n", "<html>no", "event: ping\ndata: 1\n\ndata\n\nid: 3\rretry: 1\r\r",
		"data: {\"choices\":[{\"text\":\"a\"}],\"error\":null}\n\ndata: {\"choices\":[{\"text\":\"\rb\"}],\"error\":null}\n\n",
		"data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"usage\":{\"completion_tokens\":1}}\n\ndata: {\"usage\":{\"completion_tokens\":2}}\ndata: [DONE]\ndata: {oops\n\n",
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
			for chunk, err := range new(Client).Read(from, wire.EventStream, math.MaxInt) {
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
