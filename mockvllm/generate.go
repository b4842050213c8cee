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

	"github.com/tidwall/gjson"
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
	Logprobs            json.RawMessage `json:"logprobs"`
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
		s.fail(w, invalid(in.body, err))
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

// most answers to one request, and alternatives to one token.
const (
	mostCopies   = 128
	mostLogprobs = 20
)

// admit checks a request as vLLM does and makes sequences of it.
func (s *Server) admit(r *http.Request, in arrival, a *ask, p protocol) (*request, *refusal) {
	adapter, no := s.adapter(a.Model)
	if no == nil {
		no = a.check(p)
	}
	if no != nil {
		return nil, no
	}
	prompts, no := a.promptTokens(p, in.body)
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
func (a *ask) check(p protocol) *refusal {
	top, wanted := a.logprobs(p)
	switch {
	case a.StreamOptions != nil && !a.Stream:
		return misused("stream_options", nil, "Stream options can only be defined when `stream=True`.")
	case a.N != nil && *a.N < 1:
		return bad("", "n must be at least 1, got %d.", *a.N)
	case a.N != nil && *a.N > mostCopies:
		return bad("n", "n must be at most %d, got %d.", mostCopies, *a.N)
	case a.N != nil && *a.N > 1 && a.Temperature != nil && *a.Temperature == 0:
		return bad("", "n must be 1 when using greedy sampling, got %d.", *a.N)
	case a.Temperature != nil && *a.Temperature < 0:
		return misused("temperature", float(*a.Temperature), "temperature must be non-negative, got %s.", float(*a.Temperature))
	case a.TopP != nil && !(*a.TopP > 0 && *a.TopP <= 1):
		return misused("top_p", float(*a.TopP), "top_p must be in (0, 1], got %s.", float(*a.TopP))
	case a.TopK != nil && *a.TopK < -1:
		return bad("", "top_k must be 0 (disable), or at least 1, got %d.", *a.TopK)
	case p == chat && a.TopLogprobs != nil && *a.TopLogprobs != 0 && !wanted:
		return misused("top_logprobs", nil, "when using `top_logprobs`, `logprobs` must be set to true.")
	case top > mostLogprobs:
		return misused("logprobs", top, "Requested sample logprobs of %d, which is greater than max allowed: %d", top, mostLogprobs)
	case top < -1:
		return misused("logprobs", top, "logprobs must be non-negative or -1, got %d.", top)
	case a.PresencePenalty < -2 || a.PresencePenalty > 2:
		return bad("", "presence_penalty must be in [-2, 2], got %s.", float(a.PresencePenalty))
	case a.FrequencyPenalty < -2 || a.FrequencyPenalty > 2:
		return bad("", "frequency_penalty must be in [-2, 2], got %s.", float(a.FrequencyPenalty))
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
	switch q.hit.Kind {
	case Uncounted:
		seq.miscounted = -1
	case Recounted:
		seq.miscounted = 1
	}
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
	case prompt >= longest:
		return 0, misused("input_tokens", prompt, "This model's maximum context length is %d tokens. However, your prompt contains %d input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input prompt.", longest, prompt)
	case limit < 1:
		return 0, misused("max_tokens", limit, "max_tokens must be at least 1, got %d.", limit)
	case limit > longest:
		return 0, misused("max_tokens", limit, "max_tokens=%d cannot be greater than max_model_len=%d. Please request fewer output tokens.", limit, longest)
	case a.MinTokens < 0:
		return 0, bad("", "min_tokens must be greater than or equal to 0, got %d.", a.MinTokens)
	case a.MinTokens > limit:
		return 0, bad("", "min_tokens must be less than or equal to max_tokens=%d, got %d.", limit, a.MinTokens)
	}
	return min(limit, longest-prompt), nil // an answer that would not fit ends where the context does
}

// stops are the strings at which an answer ends: one, or a list.
func (a *ask) stops() (stops []string, no *refusal) {
	var one string
	switch {
	case len(a.Stop) == 0:
	case json.Unmarshal(a.Stop, &one) == nil:
		stops = []string{one}
	case json.Unmarshal(a.Stop, &stops) != nil:
		value := gjson.ParseBytes(a.Stop)
		return nil, flawed(flaw{kind: "string_type", field: "stop", text: "Input should be a valid string", value: value},
			flaw{kind: "list_type", field: "stop", text: "Input should be a valid list", value: value})
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
		s.metrics.rejected(most > 0 && requests+len(q.sequences) > most)
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
func (a *ask) promptTokens(p protocol, body []byte) (prompts [][]token, no *refusal) {
	if p == chat {
		switch {
		case a.Messages == nil:
			return nil, flawed(missing(body, "messages"))
		case len(a.Messages) == 0:
			return nil, bad("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
		}
		for i, m := range a.Messages {
			if m.Role == "" {
				f := missing(body, fmt.Sprintf("messages.%d.ChatCompletionDeveloperMessageParam.role", i))
				f.value = f.value.Get(fmt.Sprintf("messages.%d", i))
				return nil, flawed(f)
			}
		}
		return [][]token{a.chatTokens()}, nil
	}
	raw := bytes.TrimSpace(a.Prompt)
	if s := string(raw); s == "" || s == "null" || s == `""` {
		return nil, misused("prompt", nil, "Either prompt or prompt_embeds must be provided and non-empty.")
	}
	prompts = textsOrTokens(raw)
	switch {
	case string(raw) == "[]":
		return nil, bad("", "You must pass at least one prompt")
	case len(prompts) == 0:
		list := flaw{kind: "list_type", field: "prompt", text: "Input should be a valid list", value: gjson.ParseBytes(raw)}
		text := flaw{kind: "string_type", field: "prompt", text: "Input should be a valid string", value: list.value}
		return nil, flawed(list, list, text, list) // one for each form that a prompt can have
	case len(prompts) > mostCopies:
		return nil, bad("", "%d prompts are more than %d.", len(prompts), mostCopies)
	}
	for _, prompt := range prompts {
		if no := known(prompt); no != nil {
			return nil, no
		}
	}
	return prompts, nil
}

// known refuses a prompt of tokens that there are not.
func known(prompt []token) *refusal {
	if len(prompt) == 0 {
		return misused("prompt", nil, "Either prompt or prompt_embeds must be provided and non-empty.")
	}
	for i, id := range prompt {
		switch {
		case id < 0:
			return flawed(negative("prompt", i, id))
		case id >= vocabulary:
			return bad("", "Token id %d is out of vocabulary", id)
		}
	}
	return nil
}

func hex(identity uint64) string { return fmt.Sprintf("%016x", identity) }
