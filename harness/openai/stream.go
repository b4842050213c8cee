package openai

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
)

// maxLine bounds one line of a stream. A chunk has a few hundred bytes; a line
// without end must not fill the memory.
const maxLine = 1 << 20

// readSize is how much of a stream is read at once: some twenty events. There are
// as many such buffers as streams.
const readSize = 4 << 10

// read yields the chunks of a stream of server-sent events, in either dialect of
// vLLM's. What came in one read shares its stamp. It reads on after [DONE], to
// the end of the body: else the connection could not be used again.
func read(from body) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		s := stream{}
		for {
			piece, err := from.Next()
			at, waited := from.Last()
			for text, rest, ok := s.whole(piece); ok; text, rest, ok = s.whole(piece) {
				if !yield(s.mere(text, at, waited), nil) {
					return
				}
				piece = rest
			}
			for line := range s.lines(piece) {
				chunk, has, bad := s.take(line, at, waited)
				if bad != nil {
					yield(harness.Chunk{}, bad)
					return
				}
				if has && !yield(chunk, nil) {
					return
				}
			}
			if err == nil {
				err = s.tooLong()
			}
			if err != nil {
				s.end(err, at, waited, yield)
				return
			}
		}
	}
}

// lines are those that end in a piece of the stream; what is left of it is kept
// for the next.
func (s *stream) lines(piece []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			line, rest, whole := bytes.Cut(piece, []byte("\n"))
			if !whole {
				s.partial = append(s.partial, piece...)
				return
			}
			if len(s.partial) > 0 {
				line = append(s.partial, line...)
				s.partial = line[:0] // overwritten when the line has been taken
			}
			if piece = rest; !yield(bytes.TrimRight(line, "\r")) {
				return
			}
		}
	}
}

func (s *stream) tooLong() error {
	if len(s.partial) > maxLine || len(s.data) > maxLine {
		return &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("a line of the stream is longer than %d bytes", maxLine)}
	}
	return nil
}

// take adds a line to the event that is being read; an empty one ends it.
func (s *stream) take(line []byte, at time.Time, waited time.Duration) (harness.Chunk, bool, error) {
	if len(line) == 0 {
		return s.event(at, waited)
	}
	if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
		s.data = append(append(s.data, bytes.TrimPrefix(data, []byte(" "))...), '\n')
	}
	return harness.Chunk{}, false, nil
}

// end is that of a stream. An event that is not closed by an empty line is one
// nevertheless, where the stream ended in peace.
func (s *stream) end(why error, at time.Time, waited time.Duration, yield func(harness.Chunk, error) bool) {
	if why != io.EOF {
		yield(harness.Chunk{}, why)
		return
	}
	_, _, _ = s.take(bytes.TrimRight(s.partial, "\r"), at, waited)
	chunk, has, bad := s.event(at, waited)
	switch {
	case bad != nil:
		yield(harness.Chunk{}, bad)
	case has && !yield(chunk, nil):
	case !s.finished:
		yield(harness.Chunk{}, &harness.AskError{Failure: harness.CutShort, Err: errors.New("the stream ended without a finish reason")})
	}
}

// stream is what is remembered from event to event.
type stream struct {
	partial  []byte // of a line whose end has not come yet
	data     []byte // of the event being read
	finished bool   // a finish reason came
	done     bool   // [DONE] came
	tokens   int    // so far, where the server counts as it goes

	texts         strings.Builder // many short ones in one piece of memory
	before, after []byte          // of an event in mid-stream, what stands around its text
	open, close   []byte          // the same as it comes, with what makes it an event; nil where that takes several lines
}

// event parses the event that is complete now.
func (s *stream) event(at time.Time, waited time.Duration) (harness.Chunk, bool, error) {
	data := bytes.TrimSpace(s.data)
	s.data = s.data[:0]
	if text, ok := s.plain(data); ok {
		return s.mere(text, at, waited), true, nil
	}
	switch {
	case len(data) == 0 || s.done:
		return harness.Chunk{}, false, nil
	case string(data) == "[DONE]":
		s.done = true
		return harness.Chunk{}, false, nil
	case !gjson.ValidBytes(data):
		return harness.Chunk{}, false, &harness.AskError{Failure: harness.Malformed, Err: fmt.Errorf("an event is not JSON: %s", string(data))}
	}
	root := gjson.ParseBytes(data)
	if problem := root.Get("error"); problem.Exists() && problem.Type != gjson.Null {
		return harness.Chunk{}, false, &harness.AskError{Failure: harness.ErrorInStream, Err: errors.New(complaint(data))}
	}
	c := s.chunk(root, at)
	c.Waited = waited
	s.learn(data, &c)
	return c, true, nil
}

// plain looks for the text of an event that is like one seen before in all but
// its text. Most events are, and this costs a tenth of parsing them.
func (s *stream) plain(data []byte) (text []byte, ok bool) {
	if s.before == nil || s.done || len(data) <= len(s.before)+len(s.after) || !bytes.HasPrefix(data, s.before) || !bytes.HasSuffix(data, s.after) {
		return nil, false
	}
	text = data[len(s.before) : len(data)-len(s.after)]
	return text, bytes.IndexByte(text, '"') < 0 && bytes.IndexByte(text, '\\') < 0 // nothing but a string without escapes
}

// whole looks at the beginning of a piece for such an event, as it comes: it is
// taken as it stands there, without being cut into lines and put together again.
func (s *stream) whole(piece []byte) (text, rest []byte, ok bool) {
	if s.open == nil || s.done || len(s.partial) > 0 || len(s.data) > 0 || !bytes.HasPrefix(piece, s.open) {
		return nil, nil, false
	}
	piece = piece[len(s.open):]
	for i, c := range piece {
		switch c {
		case '"':
			rest, ok = bytes.CutPrefix(piece[i:], s.close)
			return piece[:i], rest, ok && i > 0
		case '\\', '\n':
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// mere is a chunk of which we know nothing but its text.
func (s *stream) mere(text []byte, at time.Time, waited time.Duration) harness.Chunk {
	return harness.Chunk{At: at, Waited: waited, Text: s.text(text), Tokens: harness.Untold}
}

// text makes a string, but not a piece of memory for each: nothing that was
// written to a builder ever changes.
func (s *stream) text(of []byte) string {
	const room = 256 // some fifty tokens
	if s.texts.Cap()-s.texts.Len() < len(of) {
		s.texts.Reset()
		s.texts.Grow(max(room, len(of)))
	}
	s.texts.Write(of)
	return s.texts.String()[s.texts.Len()-len(of):]
}

// learn remembers what stands around the text of an event that says nothing else.
func (s *stream) learn(data []byte, c *harness.Chunk) {
	if c.Text == "" || c.Reasoning != "" || c.Finish != "" || c.Usage != nil || c.Tokens != harness.Untold {
		return
	}
	for _, path := range []string{"choices.0.delta.content", "choices.0.text"} {
		if v := gjson.GetBytes(data, path); v.Type == gjson.String && v.Index > 0 && v.Str == c.Text {
			s.before = bytes.Clone(data[:v.Index+1])
			s.after = bytes.Clone(data[v.Index+len(v.Raw)-1:])
			if s.open, s.close = nil, nil; bytes.IndexByte(data, '\n') < 0 {
				s.open, s.close = slices.Concat([]byte("data: "), s.before), slices.Concat(s.after, []byte("\n\n"))
			}
		}
	}
}

// chunk reads every field once, in the order in which it stands.
func (s *stream) chunk(root gjson.Result, at time.Time) harness.Chunk {
	c := harness.Chunk{At: at, Tokens: harness.Untold}
	var usage gjson.Result
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id":
			c.RequestID = value.String()
		case "model":
			c.Model = value.String()
		case "choices":
			takeChoice(&c, value.Get("0"))
		case "usage":
			usage = value
		case "metrics":
			c.Timings = timings(value)
		}
		return true
	})
	s.finished = s.finished || c.Finish != ""
	if usage.IsObject() {
		s.count(&c, usage)
	}
	return c
}

// timings are those of vLLM with --enable-per-request-metrics. What it calls the
// time to the first token begins when the request is scheduled.
func timings(metrics gjson.Result) *harness.Timings {
	if !metrics.IsObject() {
		return nil
	}
	ms := func(path string) time.Duration {
		if v := metrics.Get(path); v.Type == gjson.Number && v.Num >= 0 {
			return time.Duration(v.Num * float64(time.Millisecond))
		}
		return harness.Never
	}
	return &harness.Timings{Queue: ms("queue_time_ms"), Prefill: ms("time_to_first_token_ms"), Decode: ms("generation_time_ms")}
}

func takeChoice(c *harness.Chunk, choice gjson.Result) {
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "text":
			c.Text += value.String()
		case "delta":
			takeDelta(c, value)
		case "finish_reason":
			c.Finish = value.String()
		case "token_ids":
			if value.IsArray() {
				c.Tokens = int(value.Get("#").Int())
			}
		}
		return true
	})
}

func takeDelta(c *harness.Chunk, delta gjson.Result) {
	delta.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "content":
			c.Text += value.String()
		case "reasoning", "reasoning_content": // the name since 2026, and the one before
			if c.Reasoning == "" {
				c.Reasoning = value.String()
			}
		case "tool_calls":
			for _, call := range value.Array() {
				c.Text += call.Get("function.name").String() + call.Get("function.arguments").String()
			}
		}
		return true
	})
}

// count takes the server's count. With continuous usage each chunk says how
// many tokens there are so far, and the difference is what it carries.
func (s *stream) count(c *harness.Chunk, usage gjson.Result) {
	number := func(path string) int {
		if v := usage.Get(path); v.Type == gjson.Number {
			return int(v.Int())
		}
		return harness.Untold
	}
	c.Usage = &harness.Usage{
		PromptTokens: number("prompt_tokens"), OutputTokens: number("completion_tokens"),
		CachedTokens:    number("prompt_tokens_details.cached_tokens"),
		ReasoningTokens: number("completion_tokens_details.reasoning_tokens"),
	}
	if c.Tokens == harness.Untold && c.Content() && c.Usage.OutputTokens > s.tokens {
		c.Tokens = c.Usage.OutputTokens - s.tokens
	}
	s.tokens = max(s.tokens, c.Usage.OutputTokens)
}
