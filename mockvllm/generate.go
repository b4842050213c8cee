package mockvllm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
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
	Seed                *int64          `json:"seed"`
	TopK                *int            `json:"top_k"`
	TopLogprobs         *int            `json:"top_logprobs"`
	PresencePenalty     float64         `json:"presence_penalty"`
	FrequencyPenalty    float64         `json:"frequency_penalty"`
	TopP                *float64        `json:"top_p"`
	Priority            int             `json:"priority"`
	CacheSalt           string          `json:"cache_salt"`
	PromptLogprobs      *int            `json:"prompt_logprobs"`
	IncludeReasoning    *bool           `json:"include_reasoning"`
	ReasoningEffort     string          `json:"reasoning_effort"`
	StreamInterval      int             `json:"stream_interval"`
	ResponseFormat      struct {
		Type   string `json:"type"`
		Schema struct {
			Schema map[string]any `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Stream         bool `json:"stream"`
	ReturnTokenIDs bool `json:"return_token_ids"`
	StreamOptions  *struct {
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
	return q, s.letIn(q)
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
	case a.TopK != nil && *a.TopK < -1:
		return bad("top_k", "top_k must be 0 (disable), or at least 1, got %d.", *a.TopK)
	case a.TopLogprobs != nil && (*a.TopLogprobs < -1 || *a.TopLogprobs > 20):
		return bad("top_logprobs", "top_logprobs must lie between 0 and 20, got %d.", *a.TopLogprobs)
	case a.PresencePenalty < -2 || a.PresencePenalty > 2:
		return bad("presence_penalty", "presence_penalty must be in [-2, 2], got %g.", a.PresencePenalty)
	case a.FrequencyPenalty < -2 || a.FrequencyPenalty > 2:
		return bad("frequency_penalty", "frequency_penalty must be in [-2, 2], got %g.", a.FrequencyPenalty)
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
	seq := &sequence{identity: q.identity + uint64(len(q.sequences)), index: len(q.sequences), arrived: q.arrived, received: q.at, prompt: len(prompt),
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
	if text, ok := q.ask.structured(); ok {
		seq.answer = spoken(text, limit)
		return seq, nil
	}
	stops, no := q.ask.stops()
	seq.answer = draw(s.config.Seed, voice(prompt, q.ask.Seed, seq.index), wish{most: limit, least: q.ask.MinTokens, full: q.ask.IgnoreEOS, stops: stops, keepStop: q.ask.KeepStop,
		thinks: p == chat && s.thinks(q.ask)})
	return seq, no
}

// structured is an answer in the form that the request asks for, if it does.
func (a *ask) structured() (text string, ok bool) {
	switch a.ResponseFormat.Type {
	case "json_schema":
		raw, _ := json.Marshal(example(a.ResponseFormat.Schema.Schema))
		return string(raw), true
	case "json_object":
		return `{"mock":true}`, true
	}
	return "", false
}

// voice is what an answer is drawn from: the prompt, and the request's own seed.
// Whether it is streamed, say, changes nothing.
func voice(prompt []token, seed *int64, copy int) uint64 {
	h := offset
	for _, t := range prompt {
		h = fnvToken(h, t)
	}
	if seed != nil {
		h = fnv(h, strconv.FormatInt(*seed, 10))
	}
	return h + uint64(copy)
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

// coming are requests that were let in and have not reached the engine yet.
type coming struct {
	sync.Mutex
	requests, tokens int
}

// letIn refuses a request that the queue has no room for.
func (s *Server) letIn(q *request) *refusal {
	s.coming.Lock()
	defer s.coming.Unlock()
	requests, tokens := s.engine.queued()
	requests, tokens = requests+s.coming.requests, tokens+s.coming.tokens
	if most := s.config.MaxQueuedRequests; most > 0 && requests+len(q.sequences) > most || s.config.MaxQueuedTokens > 0 && tokens >= s.config.MaxQueuedTokens {
		return &refusal{status: http.StatusServiceUnavailable, kind: "ServiceUnavailableError", text: "The queue is full; try again later."}
	}
	for _, seq := range q.sequences {
		s.coming.requests++
		s.coming.tokens += seq.prompt
	}
	return nil
}

// arrived takes a request off those that are coming: it is in the engine, or gone.
func (s *Server) arrived(q *request) {
	s.coming.Lock()
	defer s.coming.Unlock()
	for _, seq := range q.sequences {
		s.coming.requests--
		s.coming.tokens -= seq.prompt
	}
}

// promptTokens are the prompts of a request; completions may have several.
func (a *ask) promptTokens(p protocol) (prompts [][]token, no *refusal) {
	if p == chat {
		if len(a.Messages) == 0 {
			return nil, bad("messages", "messages must not be empty.")
		}
		for i, m := range a.Messages {
			if m.Role == "" {
				return nil, bad("messages", "messages[%d] has no role.", i)
			}
		}
		return [][]token{a.chatTokens()}, nil
	}
	raw := bytes.TrimSpace(a.Prompt)
	if prompts = textsOrTokens(raw); len(prompts) == 0 || len(prompts) > mostCopies {
		if s := string(raw); s == "" || s == "null" || s == `""` || s == "[]" {
			return nil, bad("prompt", "The prompt cannot be empty.")
		}
		return nil, bad("prompt", "The prompt must be a text, a list of token ids, or a list of up to %d of either.", mostCopies)
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
