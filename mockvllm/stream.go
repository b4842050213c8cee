package mockvllm

import (
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
	hit     Fault // ErrorInStream, CutShort or nil
	broken  int   // tokens after which the fault strikes
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

// tokens writes what came since the last call and reports whether to go on.
func (s *stream) tokens(from, to int, ended bool) bool {
	if !s.ask.Stream {
		return true
	}
	if s.hit != nil && to >= s.broken {
		s.breakOff()
		return false
	}
	if from == 0 && s.p == chat {
		s.event(s.chunk(map[string]any{"index": 0, "delta": map[string]string{"role": "assistant", "content": ""},
			"logprobs": nil, "finish_reason": nil}, 0))
	}
	s.event(s.chunk(s.choice(from, to, ended), to))
	return s.control.Flush() == nil
}

func (s *stream) choice(from, to int, ended bool) map[string]any {
	text := s.seq.answer.text(from, to)
	choice := map[string]any{"index": 0, "logprobs": nil, "finish_reason": nil, "token_ids": nil}
	if s.p == chat {
		choice["delta"] = map[string]string{"content": text}
	} else {
		choice["text"], choice["stop_reason"], choice["prompt_token_ids"] = text, nil, nil
	}
	if s.ask.ReturnTokenIDs {
		choice["token_ids"] = s.seq.answer.ids[from:to]
	}
	if ended || to == len(s.seq.answer.ids) {
		choice["finish_reason"], choice["stop_reason"] = s.seq.answer.finish, nil
	}
	return choice
}

func (s *stream) chunk(choice map[string]any, tokens int) map[string]any {
	object := "text_completion"
	if s.p == chat {
		object = "chat.completion.chunk"
	}
	c := map[string]any{"id": s.id, "object": object, "created": s.created, "model": s.model, "choices": []any{}}
	if choice != nil {
		c["choices"] = []any{choice}
	}
	options := s.ask.StreamOptions
	if options != nil && (choice == nil || options.ContinuousUsageStats) {
		c["usage"] = s.usage(tokens)
	}
	return c
}

func (s *stream) usage(tokens int) map[string]any {
	return map[string]any{
		"prompt_tokens": s.seq.prompt, "total_tokens": s.seq.prompt + tokens, "completion_tokens": tokens,
		"prompt_tokens_details": map[string]int{"cached_tokens": s.seq.cached},
	}
}

func (s *stream) event(v any) {
	raw, _ := json.Marshal(v)
	fmt.Fprintf(s.w, "data: %s\n\n", raw)
}

// close ends a whole answer.
func (s *stream) close() {
	n := len(s.seq.answer.ids)
	if !s.ask.Stream {
		reply(s.w, s.whole(n))
		return
	}
	if s.ask.StreamOptions != nil && s.ask.StreamOptions.IncludeUsage {
		s.event(s.chunk(nil, n))
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
		choice["message"] = map[string]any{"role": "assistant", "content": s.seq.answer.text(0, n), "reasoning": nil}
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
