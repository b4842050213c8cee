package mockvllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A stream writes one answer: as server-sent events, one for what a step
// produced, or in one piece. The shapes are those of vLLM's Python front end.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	p       protocol
	ask     *ask
	seq     *sequence
	id      string
	model   string
	created int64
	hit     Fault  // ErrorInStream, CutShort or nil
	out     []byte // events to be written at once
	before  []byte // of an event in mid-stream, what stands before its text
	after   []byte // and what stands after it
	broken  int    // tokens after which the fault strikes
}

func newStream(w http.ResponseWriter, p protocol, a *ask, seq *sequence, model string, hit Fault) *stream {
	prefix := "cmpl"
	if p == chat {
		prefix = "chatcmpl"
	}
	return &stream{
		w: w, control: http.NewResponseController(w), p: p, ask: a, seq: seq, model: model, hit: hit,
		id: fmt.Sprintf("%s-%016x", prefix, seq.identity), created: time.Now().Unix(),
		broken: max(1, len(seq.answer.ids)/2),
	}
}

func (s *stream) writer() http.ResponseWriter { return s.w }

// open sends the headers of a stream: vLLM does so before the request is even
// queued, so that headers say nothing about the first token.
func (s *stream) open() {
	if !s.ask.Stream {
		return
	}
	s.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.w.WriteHeader(http.StatusOK)
	s.control.Flush()
}

// tokens writes what came since the last call, an event for each token, and
// reports whether to go on.
func (s *stream) tokens(from, to int) bool {
	if !s.ask.Stream {
		return true
	}
	if s.hit != nil && to >= s.broken {
		s.breakOff()
		return false
	}
	s.out = s.out[:0]
	if from == 0 && s.p == chat {
		s.add(chunk{Choices: []any{roleChoice{Delta: delta{Role: "assistant", Content: new(string)}}}})
	}
	for at := from; at < to; at++ {
		s.addToken(at)
	}
	s.w.Write(s.out)
	return s.control.Flush() == nil
}

// addToken adds the event of one token. Most differ from the one before in their
// text only, and the words of answers need no escaping, so the rest is rendered
// once.
func (s *stream) addToken(at int) {
	last := at == len(s.seq.answer.ids)-1
	text := s.seq.answer.text(at, at+1)
	if last || s.ask.ReturnTokenIDs || s.running(at+1) != nil || s.seq.answer.call != nil {
		s.add(chunk{Choices: []any{s.choice(text, at, at+1, last)}, Usage: s.running(at + 1)})
		return
	}
	if s.before == nil {
		const here = "\u2060" // stands in no event
		before, after, _ := bytes.Cut(s.render(chunk{Choices: []any{s.choice(here, 0, 0, false)}}), []byte(here))
		s.before, s.after = bytes.Clone(before), bytes.Clone(after)
	}
	s.out = append(append(append(s.out, s.before...), text...), s.after...)
}

// The shapes of a stream's events, field by field in vLLM's order. A field that
// vLLM writes as null is a RawMessage or a pointer that stays nil.
type chunk struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
	Choices []any  `json:"choices"`
	Usage   *usage `json:"usage,omitempty"`
}

type textChoice struct {
	Index          int             `json:"index"`
	Text           string          `json:"text"`
	Logprobs       json.RawMessage `json:"logprobs"`
	FinishReason   *string         `json:"finish_reason"`
	StopReason     json.RawMessage `json:"stop_reason"`
	PromptTokenIDs json.RawMessage `json:"prompt_token_ids"`
	TokenIDs       []int           `json:"token_ids"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type roleChoice struct {
	Index        int             `json:"index"`
	Delta        delta           `json:"delta"`
	Logprobs     json.RawMessage `json:"logprobs"`
	FinishReason *string         `json:"finish_reason"`
}

type deltaChoice struct {
	roleChoice
	StopReason json.RawMessage `json:"stop_reason,omitempty"` // in the last one only
	TokenIDs   []int           `json:"token_ids"`
}

type usage struct {
	PromptTokens     int          `json:"prompt_tokens"`
	TotalTokens      int          `json:"total_tokens"`
	CompletionTokens int          `json:"completion_tokens"`
	Details          usageDetails `json:"prompt_tokens_details"`
}

type usageDetails struct {
	CachedTokens int `json:"cached_tokens"`
}

func (s *stream) choice(text string, from, to int, last bool) any {
	var ids []int
	if s.ask.ReturnTokenIDs {
		ids = s.seq.answer.ids[from:to]
	}
	var finish *string
	var stop json.RawMessage
	if last {
		finish, stop = &s.seq.answer.finish, json.RawMessage("null")
	}
	if s.p == chat {
		d := delta{Content: &text}
		if function := s.seq.answer.call; function != nil {
			d = delta{ToolCalls: function.deltas(s.id, from, to)}
		}
		return deltaChoice{roleChoice: roleChoice{Delta: d, FinishReason: finish}, StopReason: stop, TokenIDs: ids}
	}
	return textChoice{Text: text, FinishReason: finish, TokenIDs: ids}
}

// running is the usage of an event in mid-stream, where it was asked for.
func (s *stream) running(tokens int) *usage {
	if s.ask.StreamOptions != nil && s.ask.StreamOptions.ContinuousUsageStats {
		return s.usage(tokens)
	}
	return nil
}

func (s *stream) usage(tokens int) *usage {
	return &usage{PromptTokens: s.seq.prompt, TotalTokens: s.seq.prompt + tokens, CompletionTokens: tokens, Details: usageDetails{s.seq.cached}}
}

func (s *stream) add(c chunk) { s.out = append(s.out, s.render(c)...) }

// render is an event as it goes over the wire.
func (s *stream) render(c chunk) []byte {
	c.ID, c.Object, c.Created, c.Model = s.id, "text_completion", s.created, s.model
	if s.p == chat {
		c.Object = "chat.completion.chunk"
	}
	raw, _ := json.Marshal(c)
	return append(append([]byte("data: "), raw...), "\n\n"...)
}

// close ends a whole answer.
func (s *stream) close() {
	n := len(s.seq.answer.ids)
	if !s.ask.Stream {
		reply(s.w, s.whole(n))
		return
	}
	if s.ask.StreamOptions != nil && s.ask.StreamOptions.IncludeUsage {
		s.w.Write(s.render(chunk{Choices: []any{}, Usage: s.usage(n)}))
	}
	fmt.Fprint(s.w, "data: [DONE]\n\n")
	s.control.Flush()
}

// whole is the answer in one piece.
func (s *stream) whole(n int) map[string]any {
	choice := map[string]any{"index": 0, "logprobs": nil, "finish_reason": s.seq.answer.finish, "stop_reason": nil}
	object := "text_completion"
	if s.p == chat {
		object = "chat.completion"
		message := map[string]any{"role": "assistant", "content": s.seq.answer.text(0, n), "reasoning": nil}
		if function := s.seq.answer.call; function != nil {
			message["content"], message["tool_calls"] = nil, function.deltas(s.id, 0, n)
		}
		choice["message"] = message
	} else {
		choice["text"] = s.seq.answer.text(0, n)
	}
	return map[string]any{"id": s.id, "object": object, "created": s.created, "model": s.model,
		"choices": []any{choice}, "usage": s.usage(n)}
}

// breakOff is a fault in mid-stream, under status 200.
func (s *stream) breakOff() {
	if _, ok := s.hit.(ErrorInStream); ok {
		fmt.Fprintf(s.w, "data: %s\n\ndata: [DONE]\n\n", errorBody(http.StatusInternalServerError, "InternalServerError", "The mock was told to break off this answer.", ""))
		s.control.Flush()
		return
	}
	s.control.Flush()
	// Returning ends the body cleanly, without finish reason and [DONE].
}
