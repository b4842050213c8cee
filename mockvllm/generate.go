package mockvllm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// The two ways to ask for an answer.
type protocol int

const (
	completions protocol = iota
	chat
)

// ask is what of a request's body matters here; vLLM too ignores what it does not know.
type ask struct {
	Model               string          `json:"model"`
	Prompt              json.RawMessage `json:"prompt"`
	Messages            []message       `json:"messages"`
	Tools               []tool          `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	MinTokens           int             `json:"min_tokens"`
	IgnoreEOS           bool            `json:"ignore_eos"`
	Stop                json.RawMessage `json:"stop"`
	KeepStop            bool            `json:"include_stop_str_in_output"`
	N                   *int            `json:"n"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	Priority            int             `json:"priority"`
	CacheSalt           string          `json:"cache_salt"`
	PromptLogprobs      *int            `json:"prompt_logprobs"`
	IncludeReasoning    *bool           `json:"include_reasoning"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	StreamInterval      int             `json:"stream_interval"`
	Stream              bool            `json:"stream"`
	ReturnTokenIDs      bool            `json:"return_token_ids"`
	StreamOptions       *struct {
		IncludeUsage         bool `json:"include_usage"`
		ContinuousUsageStats bool `json:"continuous_usage_stats"`
	} `json:"stream_options"`
}

func (s *Server) generate(w http.ResponseWriter, r *http.Request, p protocol) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a := new(ask)
	if err := json.Unmarshal(in.body, a); err != nil {
		s.fail(w, invalid(err))
		return
	}
	q, no := s.admit(r, in, a, p)
	if no != nil {
		s.fail(w, no)
		return
	}
	to := newWire(w, a.Stream, in.hit)
	out := newStream(s, to, q, p)
	whole := s.follow(r, q, to, out)
	s.tellAll(q, out.id, whole)
}

// most answers to one request.
const mostCopies = 128

// admit checks a request as vLLM does and makes sequences of it.
func (s *Server) admit(r *http.Request, in arrival, a *ask, p protocol) (*request, *refusal) {
	adapter, no := s.adapter(a.Model)
	if no == nil {
		no = a.check()
	}
	if no != nil {
		return nil, no
	}
	prompts, no := a.promptTokens(p)
	if no != nil {
		return nil, no
	}
	copiesEach := 1
	if a.N != nil {
		copiesEach = *a.N
	}
	if len(prompts)*copiesEach > mostCopies {
		return nil, bad("n", "%d answers to each of %d prompts are more than %d.", copiesEach, len(prompts), mostCopies)
	}
	q := &request{arrival: in, ask: a, model: cmp.Or(adapter, s.config.Names[0]), prompts: len(prompts), notify: make(chan struct{}, 1),
		interval: max(a.StreamInterval, s.config.StreamInterval)}
	for _, prompt := range prompts {
		family := &copies{n: copiesEach, left: copiesEach}
		for range copiesEach {
			seq, no := s.sequence(q, p, prompt)
			if no != nil {
				return nil, no
			}
			seq.adapter, seq.root, seq.copies = adapter, rootOf(adapter, a.CacheSalt), family
			seq.priority = a.priority(r)
			seq.known(prompt, s.config.Profile.BlockSize)
			q.sequences = append(q.sequences, seq)
		}
	}
	q.body = nil // it may be long, and the answer take its time
	q.sent = make([]int, len(q.sequences))
	if s.config.Truth != nil {
		q.written = make([][]time.Time, len(q.sequences))
	}
	switch in.hit.Kind {
	case Bundle:
		q.interval = in.hit.Tokens
	case Cut, Tear, ErrorEvent, Stall, Garble:
		q.breaks = max(1, len(q.sequences[0].answer.ids)/2)
	}
	return q, s.full(q)
}

// check refuses settings that vLLM refuses, whatever the prompt is.
func (a *ask) check() *refusal {
	switch {
	case a.StreamOptions != nil && !a.Stream:
		return bad("stream_options", "Stream options can only be defined when `stream=True`.")
	case a.N != nil && (*a.N < 1 || *a.N > mostCopies):
		return bad("n", "n must lie between 1 and %d, got %d.", mostCopies, *a.N)
	case a.N != nil && *a.N > 1 && a.Temperature != nil && *a.Temperature == 0:
		return bad("n", "n must be 1 when using greedy sampling, got %d.", *a.N)
	case a.Temperature != nil && *a.Temperature < 0:
		return bad("temperature", "temperature must be non-negative, got %g.", *a.Temperature)
	case a.TopP != nil && !(*a.TopP > 0 && *a.TopP <= 1):
		return bad("top_p", "top_p must be in (0, 1], got %g.", *a.TopP)
	case a.PromptLogprobs != nil && a.Stream:
		return bad("prompt_logprobs", "`prompt_logprobs` are not available when `stream=True`.")
	}
	return nil
}

// sequence makes one answer of a prompt.
func (s *Server) sequence(q *request, p protocol, prompt []token) (*sequence, *refusal) {
	limit, no := q.ask.limit(p, len(prompt), s.config.Profile.MaxModelLen)
	if no != nil {
		return nil, no
	}
	seq := &sequence{identity: q.identity + uint64(len(q.sequences)), index: len(q.sequences), received: q.at, prompt: len(prompt),
		maxTokens: limit, noCache: s.config.NoPrefixCache || q.ask.PromptLogprobs != nil, whole: !q.ask.Stream, notify: q.notify}
	if q.ask.ReturnTokenIDs {
		seq.asked = prompt
	}
	if p == chat {
		function, no := q.ask.calls()
		if no != nil || function != nil {
			if function != nil {
				seq.answer = function.answer(limit)
			}
			return seq, no
		}
	}
	stops, no := q.ask.stops()
	seq.answer = draw(s.config.Seed, seq.identity, wish{most: limit, least: q.ask.MinTokens, full: q.ask.IgnoreEOS, stops: stops, keepStop: q.ask.KeepStop,
		thinks: p == chat && s.thinks(q.ask)})
	return seq, no
}

// thinks reports whether an answer begins with a reasoning part.
func (s *Server) thinks(a *ask) bool {
	return s.config.Reasoning && a.ReasoningEffort != "none" && (a.IncludeReasoning == nil || *a.IncludeReasoning)
}

// priority is the request's, which a header can override.
func (a *ask) priority(r *http.Request) int {
	if v, err := strconv.Atoi(r.Header.Get("X-Vllm-Priority")); err == nil {
		return v
	}
	return a.Priority
}

// limit is how long an answer can be.
func (a *ask) limit(p protocol, prompt, longest int) (int, *refusal) {
	limit := 16 // vLLM's default for completions
	if p == chat {
		limit = longest - prompt
	}
	if a.MaxTokens != nil {
		limit = *a.MaxTokens
	}
	if p == chat && a.MaxCompletionTokens != nil {
		limit = *a.MaxCompletionTokens
	}
	switch {
	case limit < 1 && (a.MaxTokens != nil || a.MaxCompletionTokens != nil):
		return 0, bad("max_tokens", "max_tokens must be at least 1, got %d.", limit)
	case limit < 1 || limit > longest || prompt+limit > longest:
		return 0, bad("input_tokens", "This model's maximum context length is %d tokens. However, you requested %d output tokens and your prompt contains %d input tokens. Please reduce the length of the input prompt or the number of requested output tokens.", longest, limit, prompt)
	case a.MinTokens < 0 || a.MinTokens > limit:
		return 0, bad("min_tokens", "min_tokens must lie between 0 and max_tokens=%d, got %d.", limit, a.MinTokens)
	}
	return limit, nil
}

// stops are the strings at which an answer ends: one, or a list.
func (a *ask) stops() (stops []string, no *refusal) {
	var one string
	switch {
	case len(a.Stop) == 0:
	case json.Unmarshal(a.Stop, &one) == nil:
		stops = []string{one}
	case json.Unmarshal(a.Stop, &stops) != nil:
		return nil, bad("stop", "stop must be a text or a list of texts.")
	}
	return stops, nil
}

// full refuses a request that the queue has no room for.
func (s *Server) full(q *request) *refusal {
	c := s.config
	if c.MaxQueuedRequests == 0 && c.MaxQueuedTokens == 0 {
		return nil
	}
	requests, tokens := s.engine.queued()
	if c.MaxQueuedRequests > 0 && requests+len(q.sequences) > c.MaxQueuedRequests || c.MaxQueuedTokens > 0 && tokens >= c.MaxQueuedTokens {
		return &refusal{status: http.StatusServiceUnavailable, kind: "ServiceUnavailableError", text: "The queue is full; try again later."}
	}
	return nil
}

// promptTokens are the prompts of a request; completions may have several.
func (a *ask) promptTokens(p protocol) (prompts [][]token, no *refusal) {
	if p == chat {
		if len(a.Messages) == 0 {
			return nil, bad("messages", "messages must not be empty.")
		}
		return [][]token{tokenizeChat(a.Messages)}, nil
	}
	prompts = textsOrTokens(bytes.TrimSpace(a.Prompt))
	if len(prompts) == 0 || len(prompts) > mostCopies {
		return nil, bad("prompt", "The prompt cannot be empty: it is a text, a list of token ids, or a list of up to %d of either.", mostCopies)
	}
	for _, prompt := range prompts {
		if len(prompt) == 0 {
			return nil, bad("prompt", "The prompt cannot be empty.")
		}
		for _, id := range prompt {
			if id < 0 || id >= vocabulary {
				return nil, bad("prompt", "Token id %d is out of vocabulary.", id)
			}
		}
	}
	return prompts, nil
}

func hex(identity uint64) string { return fmt.Sprintf("%016x", identity) }
