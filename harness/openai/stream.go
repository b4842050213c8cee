package openai

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/wire"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// stream is what is remembered from event to event.
type stream struct {
	wire.Events
	client   *Client
	label    string // the media type that the body was said to have
	ofIDs    bool   // the answer is token ids, which stand in place of its text
	isStream bool   // an event came
	heard    bool   // something other than a comment came since allowed was asked
	cut      bool   // the last event did not come whole
	finished bool   // a finish reason came
	counted  bool   // usage came after it, or with it
	running  bool   // usage came before it
	done     bool   // [DONE] came
	tokens   int    // so far, where the server counts as it goes

	texts         strings.Builder // many short ones in one piece of memory
	before, after []byte          // of an event in mid-stream, what stands around its text
	open, close   []byte          // the same as it comes, with what makes it an event; nil where that takes several lines
}

// event parses the event that is complete now.
func (s *stream) event(at time.Time, waited time.Duration) (harness.Chunk, bool, error) {
	name := s.Name()
	isError := len(name) > 0 && string(name) == "error"
	other := len(name) > 0 && string(name) != "message"
	data := s.Take()
	s.isStream = s.isStream || len(data) > 0
	if !isError {
		if text, ok := s.plain(data); ok {
			s.heard = true
			return s.mere(text, at, waited), true, nil
		}
	}
	switch {
	case isError && len(data) == 0:
		return harness.Chunk{}, false, wire.InStream("an error event without a word")
	case isError:
		return harness.Chunk{}, false, wire.InStream(wire.Complaint(data))
	case len(data) == 0:
		return harness.Chunk{}, false, nil
	case limit.TooDeep(data):
		return harness.Chunk{}, false, wire.Malformed(wire.Nests("an event of the stream", data))
	case !wire.IsJSON(data) && other:
		s.KeepStray(data) // it is for those who know that type
		return harness.Chunk{}, false, nil
	case !wire.IsJSON(data):
		return harness.Chunk{}, false, wire.Malformed(wire.NotJSON(data))
	}
	root := wire.Parsed(data)
	c, ofAnswer, bad := s.chunk(root, at)
	if bad || !ofAnswer && wire.Complains(root) {
		return harness.Chunk{}, false, wire.InStream(wire.Complaint(data))
	}
	if !ofAnswer {
		s.KeepStray(data)
		return harness.Chunk{}, false, nil
	}
	s.heard = true
	c.Waited = waited
	s.learn(data, &c)
	return c, true, nil
}

// plain finds the text of an event that equals an earlier one in all but its text. Most
// events do, and this costs a tenth of parsing them.
func (s *stream) plain(data []byte) (text []byte, ok bool) {
	if s.before == nil || len(data) <= len(s.before)+len(s.after) || !bytes.HasPrefix(data, s.before) || !bytes.HasSuffix(data, s.after) {
		return nil, false
	}
	text = data[len(s.before) : len(data)-len(s.after)]
	return text, bytes.IndexByte(text, '"') < 0 && bytes.IndexByte(text, '\\') < 0 // nothing but a string without escapes
}

// whole is the fast path: it matches a complete event at the beginning of a piece against
// the learned template, without splitting it into lines.
func (s *stream) whole(piece []byte) (text, rest []byte, ok bool) {
	if s.open == nil || s.done || !s.Between() || !bytes.HasPrefix(piece, s.open) {
		return nil, nil, false
	}
	piece = piece[len(s.open):]
	for i, c := range piece {
		switch c {
		case '"':
			rest, ok = bytes.CutPrefix(piece[i:], s.close)
			return piece[:i], rest, ok && i > 0
		case '\\', '\n', '\r':
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// mere is a chunk with a text and nothing else.
func (s *stream) mere(text []byte, at time.Time, waited time.Duration) harness.Chunk {
	return harness.Chunk{At: at, Waited: waited, Text: s.text(text), Tokens: harness.Unreported}
}

// text makes a string, but not a piece of memory for each: nothing that was
// written to a builder ever changes.
func (s *stream) text(of []byte) string {
	const room = 256 // some fifty tokens
	if len(of) > limit.ShortEvent {
		return string(of)
	}
	if s.texts.Cap()-s.texts.Len() < len(of) {
		s.texts.Reset()
		s.texts.Grow(max(room, len(of)))
	}
	s.texts.Write(of)
	return s.texts.String()[s.texts.Len()-len(of):]
}

// learn keeps what stands around the text of an event that has nothing else, as the template.
func (s *stream) learn(data []byte, c *harness.Chunk) {
	if c.Text == "" || c.Call != "" || c.Reasoning != "" || c.Refusal != "" || c.Finish != "" || c.Usage != nil || c.Tokens != harness.Unreported || len(data) > limit.ShortEvent {
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

// chunk reads every field of an event once, in its order. It reports whether they are those
// of an answer, and whether they are those of an error.
func (s *stream) chunk(root gjson.Result, at time.Time) (c harness.Chunk, ofAnswer, bad bool) {
	c = harness.Chunk{At: at, Tokens: harness.Unreported}
	var usage gjson.Result
	choices := false
	root.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "id", "request_id":
			c.RequestID = wire.Word(value)
		case "model":
			c.Model = wire.Word(value)
		case "choices":
			first := value.Get("0")
			ofAnswer, choices = ofAnswer || value.IsArray(), first.Exists()
			takeChoice(&c, first)
			if s.ofIDs && c.Tokens > 0 {
				c.Text = first.Get("token_ids").Raw
			}
		case "usage":
			usage = value
		case "metrics":
			c.Timings = timings(value)
		case "error":
			bad = wire.Truthy(value)
		case "object":
			bad = bad || value.Str == "error"
		}
		return true
	})
	s.finished = s.finished || c.Finish != ""
	if usage.IsObject() {
		s.count(&c, usage)
		s.counted = s.counted || s.finished && (!choices || !s.running)
		s.running = s.running || !s.finished
	}
	return c, ofAnswer || usage.IsObject() || c.Timings != nil, bad
}

// mostTiming is the longest that a server can have timed, in milliseconds: a month.
const mostTiming = 30 * 24 * 3600 * 1000

// timings are those of vLLM with --enable-per-request-metrics. What it calls the
// time to the first token begins when the request is scheduled.
func timings(metrics gjson.Result) *harness.Timings {
	if !metrics.IsObject() {
		return nil
	}
	ms := func(path string) time.Duration {
		if v := metrics.Get(path); v.Type == gjson.Number && v.Num >= 0 && v.Num <= mostTiming {
			return time.Duration(v.Num * float64(time.Millisecond))
		}
		return harness.NoTime
	}
	return &harness.Timings{Queue: ms("queue_time_ms"), Prefill: ms("time_to_first_token_ms"), Decode: ms("generation_time_ms")}
}

func takeChoice(c *harness.Chunk, choice gjson.Result) {
	choice.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "text":
			c.Text += wire.Spoken(value)
		case "delta", "message": // the message is that of an answer in one piece
			takeDelta(c, value)
		case "finish_reason":
			c.Finish = wire.Word(value)
		case "token_ids":
			if value.IsArray() {
				c.Tokens = int(value.Get("#").Int()) // no more than the event has bytes
			}
		}
		return true
	})
}

func takeDelta(c *harness.Chunk, delta gjson.Result) {
	delta.ForEach(func(key, value gjson.Result) bool {
		switch key.Str {
		case "content":
			c.Text += wire.Spoken(value)
		case "reasoning", "reasoning_content": // the name since 2026, and the one before
			if c.Reasoning == "" {
				c.Reasoning = wire.Spoken(value)
			}
		case "refusal":
			c.Refusal += wire.Spoken(value)
		case "tool_calls":
			for _, call := range value.Array() {
				c.Call += called(call.Get("function")) + called(call.Get("custom"))
			}
		case "function_call": // the form before tools
			c.Call += called(value)
		}
		return true
	})
}

// called is a piece of a call: its name, or a part of its arguments.
func called(call gjson.Result) string {
	return call.Get("name").String() + call.Get("arguments").String() + call.Get("input").String()
}

// count takes the server's count. With continuous usage each chunk says how
// many tokens there are so far, and the difference is what it carries.
func (s *stream) count(c *harness.Chunk, usage gjson.Result) {
	n := wire.Counts{Of: usage}
	c.Usage = n.Usage(harness.Usage{
		TotalTokens:  n.Number("total_tokens"),
		PromptTokens: n.Number("prompt_tokens"), OutputTokens: n.Number("completion_tokens"),
		CachedTokens:    n.Number("prompt_tokens_details.cached_tokens"),
		ReasoningTokens: n.Number("completion_tokens_details.reasoning_tokens"),
	})
	if c.Tokens == harness.Unreported && c.Content() && c.Usage.OutputTokens > s.tokens {
		c.Tokens = c.Usage.OutputTokens - s.tokens
	}
	s.tokens = max(s.tokens, c.Usage.OutputTokens)
}
