package api

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// A stream writes the answers of /v1/completions and /v1/chat/completions, in
// the shapes of vLLM's Python front end or of its Rust one.
type stream struct {
	*wire.Wire
	server  *Handler
	q       *request
	p       protocol
	id      string
	created int64
	top     int    // alternatives to each token, where its logprob was asked for
	odds    bool   // that is the case
	before  []byte // of an event in mid-stream, what stands before its text
	after   []byte // and what stands after it
}

func newStream(s *Handler, to *wire.Wire, q *request, p protocol) *stream {
	prefix := "cmpl-"
	if p == chat {
		prefix = "chatcmpl-"
	}
	out := &stream{Wire: to, server: s, q: q, p: p, id: prefix + q.id, created: time.Now().Unix()}
	out.top, out.odds = q.ask.logprobs(p)
	return out
}

func (s *stream) rust() bool { return s.server.config.Rust }

// tokens writes an event for each step, or for as many tokens as shall stand in one.
func (s *stream) tokens(answer, from, to int) {
	seq := s.q.sequences[answer]
	if from == 0 && s.p == chat {
		s.role(answer, seq)
	}
	for from < to {
		n := min(s.q.span(s.server.engine, seq, from), to-from)
		s.event(answer, seq, from, from+n)
		from += n
	}
}

// role is the event that begins an answer of a chat; it comes with the first token.
func (s *stream) role(answer int, seq *engine.Sequence) {
	choice := roleChoice{Index: answer, Delta: delta{Role: "assistant", Content: new(string)}}
	if s.rust() {
		choice.Delta.Content = nil
		s.add(chunk{Choices: []any{choice}, Usage: s.running(seq, 0)})
		return
	}
	first := roleChunk{chunk: s.named(chunk{Choices: []any{choice}, Usage: s.running(seq, 0)})}
	if s.q.ask.ReturnTokenIDs {
		first.PromptTokenIDs = seq.Prompt
	}
	s.Data(first)
}

// event writes what tokens [from, to) say. Most events differ from the one
// before in their text only, and the words of answers need no escaping, so the
// rest is rendered once.
func (s *stream) event(answer int, seq *engine.Sequence, from, to int) {
	a := &seq.Answer
	if s.p == chat && from < a.Reasoning && to > a.Reasoning {
		s.event(answer, seq, from, a.Reasoning)
		s.event(answer, seq, a.Reasoning, to)
		return
	}
	last := to == len(a.IDs)
	text := a.Text(from, to)
	usage := s.running(seq, to)
	if s.odds || last || s.q.ask.ReturnTokenIDs || usage != nil || a.Call != nil || a.Tail != nil || from < a.Reasoning || len(s.q.sequences) > 1 {
		if text == "" && a.Call == nil && !last && !s.q.ask.ReturnTokenIDs && s.p == chat {
			return // a parser kept it to itself
		}
		s.full(answer, seq, from, to, text, usage)
		return
	}
	if s.before == nil {
		const here = "\u2060" // stands in no event
		raw, _ := json.Marshal(s.named(chunk{Choices: []any{s.choice(answer, seq, here, from, from, "")}}))
		before, after, _ := bytes.Cut(raw, []byte(here))
		s.before = append([]byte("data: "), before...)
		s.after = append(bytes.Clone(after), "\n\n"...)
	}
	s.Out = append(append(append(s.Out, s.before...), text...), s.after...)
}

// full writes an event with all that it can have.
func (s *stream) full(answer int, seq *engine.Sequence, from, to int, text string, usage *answer.Usage) {
	a := &seq.Answer
	last := to == len(a.IDs)
	finish := ""
	if last && !s.rust() {
		finish = a.Finish
	}
	c := chunk{Choices: []any{s.choice(answer, seq, text, from, to, finish)}, Usage: usage}
	if last && !s.includesUsage() {
		c.Fingerprint = s.fingerprint()
	}
	s.add(c)
	if last && s.rust() { // the reason stands in an event of its own
		s.add(chunk{Choices: []any{s.choice(answer, seq, "", to, to, a.Finish)}, Usage: usage})
	}
}

func (s *stream) includesUsage() bool {
	o := s.q.ask.StreamOptions
	return (o != nil && o.IncludeUsage || s.server.config.ForceUsage) && s.q.hit.Kind != faults.NoUsage
}

func (s *stream) fingerprint() string {
	if s.rust() {
		return ""
	}
	return s.server.config.Fingerprint
}

// choice is the part of an event that is about one answer.
func (s *stream) choice(index int, seq *engine.Sequence, text string, from, to int, finish string) any {
	var ids []tokenizer.Token
	if s.q.ask.ReturnTokenIDs {
		ids = seq.Answer.IDs[from:to]
	}
	var reason *string
	var stop json.RawMessage
	if finish != "" {
		reason, stop = &finish, json.RawMessage("null")
		if seq.Answer.Stop != "" {
			stop, _ = json.Marshal(seq.Answer.Stop)
		}
	}
	if s.p == chat {
		return deltaChoice{roleChoice: roleChoice{Index: index, Delta: s.delta(seq, text, from, to), Logprobs: s.logprobs(seq, from, to), FinishReason: reason}, StopReason: stop, TokenIDs: ids}
	}
	c := textChoice{Index: index, Text: text, Logprobs: s.logprobs(seq, from, to), FinishReason: reason, StopReason: stop, TokenIDs: ids}
	if from == 0 && to > 0 && s.q.ask.ReturnTokenIDs {
		c.PromptTokenIDs = seq.Prompt
	}
	return c
}

func (s *stream) delta(seq *engine.Sequence, text string, from, to int) delta {
	switch {
	case from == to && text == "": // nothing but a reason
		return delta{}
	case seq.Answer.Call != nil:
		return delta{ToolCalls: toolCallDeltas(seq.Answer.Call, s.id, from, to)}
	case from < seq.Answer.Reasoning:
		return delta{Reasoning: &text}
	}
	return delta{Content: &text}
}

// The shapes of a stream's events, field by field in vLLM's order. A field that
// vLLM writes as null is a RawMessage or a pointer that stays nil.
type chunk struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Created     int64         `json:"created"`
	Model       string        `json:"model"`
	Choices     []any         `json:"choices"`
	Usage       *answer.Usage `json:"usage,omitempty"`
	Fingerprint string        `json:"system_fingerprint,omitempty"`
	Timings     *timings      `json:"metrics,omitempty"`
}

type roleChunk struct {
	chunk
	PromptTokenIDs []tokenizer.Token `json:"prompt_token_ids"`
	PromptText     *string           `json:"prompt_text"`
}

type textChoice struct {
	Index          int               `json:"index"`
	Text           string            `json:"text"`
	Logprobs       any               `json:"logprobs"`
	FinishReason   *string           `json:"finish_reason"`
	StopReason     json.RawMessage   `json:"stop_reason"`
	PromptTokenIDs []tokenizer.Token `json:"prompt_token_ids"`
	TokenIDs       []tokenizer.Token `json:"token_ids"`
}

type delta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	Reasoning *string    `json:"reasoning,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type roleChoice struct {
	Index        int     `json:"index"`
	Delta        delta   `json:"delta"`
	Logprobs     any     `json:"logprobs"`
	FinishReason *string `json:"finish_reason"`
}

type deltaChoice struct {
	roleChoice
	StopReason json.RawMessage   `json:"stop_reason,omitempty"` // in the last one only
	TokenIDs   []tokenizer.Token `json:"token_ids"`
}

// running is the usage of an event in mid-stream, where it was asked for.
func (s *stream) running(seq *engine.Sequence, tokens int) *answer.Usage {
	o := s.q.ask.StreamOptions
	if (o != nil && o.ContinuousUsageStats || s.server.config.ForceUsage) && s.q.hit.Kind != faults.NoUsage {
		u := s.usage(len(seq.Prompt), seq.CachedTokens(), 0, tokens, min(tokens, seq.Answer.Reasoning))
		u.Prompt = nil
		if s.p == chat && !s.rust() && u.Completion == nil {
			u.Completion = json.RawMessage("null")
		}
		return u
	}
	return nil
}

// total is the usage of all answers; each prompt counts once.
func (s *stream) total() *answer.Usage {
	var prompt, cached, created, tokens, thinking int
	each := len(s.q.sequences) / s.q.prompts
	for i, seq := range s.q.sequences {
		if i%each == 0 {
			prompt += len(seq.Prompt)
			cached += seq.CachedTokens()
			created += max(0, len(seq.Prompt)-len(seq.Prompt)%s.server.config.BlockSize-seq.CachedTokens())
		}
		tokens += s.q.sent[i]
		thinking += min(s.q.sent[i], seq.Answer.Reasoning)
	}
	return s.usage(prompt, cached, created, tokens, thinking)
}

func (s *stream) usage(prompt, cached, created, tokens, thinking int) *answer.Usage {
	if s.q.hit.Kind == faults.WrongUsage {
		tokens = int(float64(tokens) * s.q.hit.Factor)
	}
	u := &answer.Usage{PromptTokens: prompt, TotalTokens: prompt + tokens, CompletionTokens: tokens}
	if s.server.config.PromptDetails && !(s.rust() && cached == 0) {
		u.Prompt = &answer.PromptDetails{CachedTokens: cached}
		if s.p == chat && !s.rust() {
			u.Prompt.CreatedTokens = &created
		}
	}
	if s.p == chat && s.server.config.Reasoning {
		u.Completion = &answer.ReasoningDetails{ReasoningTokens: thinking}
	}
	return u
}

// complete is usage with the nulls of an answer in one piece.
func (s *stream) complete(u *answer.Usage) any {
	if s.rust() {
		return u
	}
	return u.Whole()
}

// named fills in what all events of a stream share.
func (s *stream) named(c chunk) chunk {
	c.ID, c.Object, c.Created, c.Model = s.id, "text_completion", s.created, s.q.model
	if s.p == chat {
		c.Object = "chat.completion.chunk"
	}
	return c
}

func (s *stream) add(c chunk) { s.Data(s.named(c)) }

// broken is an error under status 200, where the answer has begun.
func (s *stream) broken(apiErr *apiError) {
	if !s.Streams {
		s.server.fail(s.W, apiErr)
		return
	}
	s.Data(s.server.envelope(apiErr))
	s.Out = append(s.Out, "data: [DONE]\n\n"...)
}

// close ends a whole answer.
func (s *stream) close() {
	if !s.Streams {
		s.Whole(s.body())
		return
	}
	for i, seq := range s.q.sequences {
		if s.q.sent[i] < len(seq.Answer.IDs) { // it was taken out
			s.add(chunk{Choices: []any{s.choice(i, seq, "", s.q.sent[i], s.q.sent[i], seq.Finished())}})
		}
	}
	if s.includesUsage() {
		s.add(chunk{Choices: []any{}, Usage: s.total(), Fingerprint: s.fingerprint(), Timings: s.timings()})
	}
	s.Out = append(s.Out, "data: [DONE]\n\n"...)
}

// body is the answer in one piece.
func (s *stream) body() map[string]any {
	var choices []any
	for i, seq := range s.q.sequences {
		choices = append(choices, s.wholeChoice(i, seq))
	}
	out := map[string]any{"id": s.id, "object": "text_completion", "created": s.created, "model": s.q.model, "choices": choices, "usage": s.complete(s.total()),
		"kv_transfer_params": nil, "ec_transfer_params": nil, "metrics": nil, "service_tier": nil}
	if s.p == chat {
		out["object"], out["prompt_logprobs"], out["prompt_token_ids"], out["prompt_text"] = "chat.completion", s.promptLogprobs(s.q.sequences[0]), nil, nil
		if s.q.ask.ReturnTokenIDs {
			out["prompt_token_ids"] = s.q.sequences[0].Prompt
		}
	}
	if !s.rust() {
		out["system_fingerprint"] = s.fingerprint()
	}
	if s.q.hit.Kind == faults.NoUsage {
		out["usage"] = nil
	}
	return out
}

func (s *stream) wholeChoice(i int, seq *engine.Sequence) map[string]any {
	n := s.q.sent[i]
	reasoning, text := seq.Answer.Parts(n)
	choice := map[string]any{"index": i, "logprobs": s.logprobs(seq, 0, n), "finish_reason": seq.Finished(), "stop_reason": nil, "token_ids": nil, "routed_experts": nil}
	if seq.Answer.Stop != "" {
		choice["stop_reason"] = seq.Answer.Stop
	}
	if s.q.ask.ReturnTokenIDs {
		choice["token_ids"] = seq.Answer.IDs[:n]
	}
	if s.p == completions {
		choice["text"], choice["prompt_logprobs"], choice["prompt_token_ids"] = text, s.promptLogprobs(seq), nil
		if s.q.ask.ReturnTokenIDs {
			choice["prompt_token_ids"] = seq.Prompt
		}
		return choice
	}
	message := map[string]any{"role": "assistant", "content": text, "reasoning": nil, "refusal": nil, "annotations": nil, "audio": nil, "function_call": nil}
	if reasoning != "" {
		message["reasoning"] = reasoning
	}
	if function := seq.Answer.Call; function != nil {
		message["content"], message["tool_calls"] = nil, toolCallDeltas(function, s.id, 0, n)
	}
	choice["message"] = message
	return choice
}
