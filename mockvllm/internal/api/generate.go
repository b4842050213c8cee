package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// The two ways to ask for an answer.
type protocol int

const (
	completions protocol = iota
	chat
)

// ask is what of a request's body matters here; vLLM too ignores what it does not know.
type ask struct {
	Model               string              `json:"model"`
	Prompt              json.RawMessage     `json:"prompt"`
	Messages            []tokenizer.Message `json:"messages"`
	Tools               []tool              `json:"tools"`
	ToolChoice          json.RawMessage     `json:"tool_choice"`
	MaxTokens           *int                `json:"max_tokens"`
	MaxCompletionTokens *int                `json:"max_completion_tokens"`
	MinTokens           int                 `json:"min_tokens"`
	IgnoreEOS           bool                `json:"ignore_eos"`
	Stop                json.RawMessage     `json:"stop"`
	KeepStop            bool                `json:"include_stop_str_in_output"`
	N                   *int                `json:"n"`
	Temperature         *float64            `json:"temperature"`
	Seed                *int64              `json:"seed"`
	TopK                *int                `json:"top_k"`
	Logprobs            json.RawMessage     `json:"logprobs"`
	TopLogprobs         *int                `json:"top_logprobs"`
	PresencePenalty     float64             `json:"presence_penalty"`
	FrequencyPenalty    float64             `json:"frequency_penalty"`
	TopP                *float64            `json:"top_p"`
	Priority            int                 `json:"priority"`
	CacheSalt           string              `json:"cache_salt"`
	PromptLogprobs      *int                `json:"prompt_logprobs"`
	IncludeReasoning    *bool               `json:"include_reasoning"`
	ReasoningEffort     string              `json:"reasoning_effort"`
	StreamInterval      int                 `json:"stream_interval"`
	ResponseFormat      struct {
		Type   string `json:"type"`
		Schema struct {
			Schema map[string]any `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Stream         bool           `json:"stream"`
	ReturnTokenIDs bool           `json:"return_token_ids"`
	StreamOptions  *streamOptions `json:"stream_options"`

	heard []tokenizer.Token // of a clip, in place of a prompt; nil: there is one
	says  float64           // tokens of its transcript, on average
}

type streamOptions struct {
	IncludeUsage         bool `json:"include_usage"`
	ContinuousUsageStats bool `json:"continuous_usage_stats"`
}

func (s *Handler) generate(w http.ResponseWriter, r *http.Request, p protocol) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a := new(ask)
	if err := json.Unmarshal(in.body, a); err != nil {
		s.fail(w, invalid(in.body, err))
		return
	}
	q, apiErr := s.admit(r, in, a, p)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	to := wire.New(w, a.Stream, in.hit)
	out := newStream(s, to, q, p)
	exchange{s, r, q, to, out}.run(out.id)
}

// most answers to one request, and alternatives to one token.
const (
	mostCopies   = 128
	mostLogprobs = 20
)

// admit checks a request as vLLM does and makes sequences of it.
func (s *Handler) admit(r *http.Request, in arrival, a *ask, p protocol) (*request, *apiError) {
	adapter, apiErr := s.adapter(a.Model)
	if apiErr == nil {
		apiErr = a.check(p)
	}
	if apiErr != nil {
		return nil, apiErr
	}
	if apiErr = s.look(a.Messages); apiErr != nil {
		return nil, apiErr
	}
	prompts, apiErr := a.promptTokens(p, in.body)
	if apiErr != nil {
		return nil, apiErr
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
		family := engine.NewCopies(copiesEach)
		for range copiesEach {
			o, apiErr := s.order(q, p, prompt)
			if apiErr != nil {
				return nil, apiErr
			}
			o.Adapter, o.Salt, o.Priority, o.Copies = adapter, a.CacheSalt, a.priority(r), family
			q.sequences = append(q.sequences, engine.NewSequence(o, s.config.BlockSize))
		}
	}
	q.body = nil // it may be long, and the answer take its time
	q.sent = make([]int, len(q.sequences))
	if s.config.Truth != nil {
		q.written = make([][]time.Time, len(q.sequences))
	}
	switch in.hit.Kind {
	case faults.Bundle:
		q.interval = in.hit.Tokens
	case faults.Cut, faults.Tear, faults.ErrorEvent, faults.Stall, faults.Garble:
		q.breaks = max(1, len(q.sequences[0].Answer.IDs)/2)
	}
	return q, s.admission.admit(s, q)
}

// check refuses settings that vLLM refuses, whatever the prompt is.
func (a *ask) check(p protocol) *apiError {
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
		return misused("temperature", metrics.PythonFloat(*a.Temperature), "temperature must be non-negative, got %s.", metrics.PythonFloat(*a.Temperature))
	case a.TopP != nil && !(*a.TopP > 0 && *a.TopP <= 1):
		return misused("top_p", metrics.PythonFloat(*a.TopP), "top_p must be in (0, 1], got %s.", metrics.PythonFloat(*a.TopP))
	case a.TopK != nil && *a.TopK < -1:
		return bad("", "top_k must be 0 (disable), or at least 1, got %d.", *a.TopK)
	case p == chat && a.TopLogprobs != nil && *a.TopLogprobs != 0 && !wanted:
		return misused("top_logprobs", nil, "when using `top_logprobs`, `logprobs` must be set to true.")
	case top > mostLogprobs:
		return misused("logprobs", top, "Requested sample logprobs of %d, which is greater than max allowed: %d", top, mostLogprobs)
	case top < -1:
		return misused("logprobs", top, "logprobs must be non-negative or -1, got %d.", top)
	case a.PresencePenalty < -2 || a.PresencePenalty > 2:
		return bad("", "presence_penalty must be in [-2, 2], got %s.", metrics.PythonFloat(a.PresencePenalty))
	case a.FrequencyPenalty < -2 || a.FrequencyPenalty > 2:
		return bad("", "frequency_penalty must be in [-2, 2], got %s.", metrics.PythonFloat(a.FrequencyPenalty))
	case a.PromptLogprobs != nil && a.Stream:
		return bad("prompt_logprobs", "`prompt_logprobs` are not available when `stream=True`.")
	}
	return nil
}

// order makes one answer of a prompt.
func (s *Handler) order(q *request, p protocol, prompt []tokenizer.Token) (o engine.Order, apiErr *apiError) {
	limit, apiErr := q.ask.limit(p, len(prompt), s.config.MaxModelLen)
	if apiErr != nil {
		return o, apiErr
	}
	o = engine.Order{Identity: q.identity + uint64(len(q.sequences)), Index: len(q.sequences), Arrived: q.arrived, Received: q.at, Prompt: prompt,
		MaxTokens: limit, NoCache: s.config.NoPrefixCache || q.ask.PromptLogprobs != nil, Whole: !q.ask.Stream, Notify: q.notify}
	switch q.hit.Kind {
	case faults.Uncounted:
		o.Miscounted = -1
	case faults.Recounted:
		o.Miscounted = 1
	}
	if o.Answer, apiErr = s.says(q, p, prompt, o.Index, limit); apiErr == nil && q.hit.Kind == faults.Loop {
		o.Answer = o.Answer.Looped(limit)
	}
	return o, apiErr
}

// says is one answer of a prompt: a call, a text in the form that was asked for, or one that is drawn.
func (s *Handler) says(q *request, p protocol, prompt []tokenizer.Token, index, limit int) (a answer.Answer, apiErr *apiError) {
	if p == chat {
		function, apiErr := q.ask.calls()
		if apiErr != nil {
			return a, apiErr
		}
		if function != nil {
			return function.Answer(limit), nil
		}
	}
	if text, ok := q.ask.structured(); ok {
		return answer.Quote(text, limit), nil
	}
	stops, apiErr := q.ask.stops()
	return answer.Draw(s.config.Seed, voice(prompt, q.ask.Seed, index), answer.Spec{Max: limit, Min: q.ask.MinTokens, Full: q.ask.IgnoreEOS, Mean: q.ask.says, Stops: stops, KeepStop: q.ask.KeepStop,
		Reasons: p == chat && s.config.Reasoning && q.ask.thinks()}), apiErr
}

// structured is an answer in the form that the request asks for, if it does.
func (a *ask) structured() (text string, ok bool) {
	switch a.ResponseFormat.Type {
	case "json_schema":
		raw, _ := json.Marshal(answer.Example(a.ResponseFormat.Schema.Schema))
		return string(raw), true
	case "json_object":
		return `{"mock":true}`, true
	}
	return "", false
}

// voice is what an answer is drawn from: the prompt, and the request's own seed.
// Whether it is streamed, say, changes nothing.
func voice(prompt []tokenizer.Token, seed *int64, index int) uint64 {
	h := hash.Offset
	for _, t := range prompt {
		h = hash.Token(h, t)
	}
	if seed != nil {
		h = hash.FNV(h, strconv.FormatInt(*seed, 10))
	}
	return h + uint64(index)
}

// thinks reports whether a request lets its answer begin with a reasoning part.
func (a *ask) thinks() bool {
	return a.ReasoningEffort != "none" && (a.IncludeReasoning == nil || *a.IncludeReasoning)
}

// priority is the request's, which a header can override.
func (a *ask) priority(r *http.Request) int {
	if v, err := strconv.Atoi(r.Header.Get("X-Vllm-Priority")); err == nil {
		return v
	}
	return a.Priority
}

// limit is how long an answer can be.
func (a *ask) limit(p protocol, prompt, longest int) (int, *apiError) {
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
func (a *ask) stops() (stops []string, apiErr *apiError) {
	var one string
	switch {
	case len(a.Stop) == 0:
	case json.Unmarshal(a.Stop, &one) == nil:
		stops = []string{one}
	case json.Unmarshal(a.Stop, &stops) != nil:
		value := gjson.ParseBytes(a.Stop)
		return nil, flawed(pydantic.Flaw{Kind: "string_type", Field: "stop", Text: "Input should be a valid string", Value: value},
			pydantic.Flaw{Kind: "list_type", Field: "stop", Text: "Input should be a valid list", Value: value})
	}
	return stops, nil
}

// promptTokens are the prompts of a request; completions may have several.
func (a *ask) promptTokens(p protocol, body []byte) (prompts [][]tokenizer.Token, apiErr *apiError) {
	if a.heard != nil {
		return [][]tokenizer.Token{a.heard}, nil
	}
	if p == chat {
		switch {
		case a.Messages == nil:
			return nil, flawed(pydantic.Missing(body, "messages"))
		case len(a.Messages) == 0:
			return nil, bad("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
		}
		for i, m := range a.Messages {
			if m.Role == "" {
				f := pydantic.Missing(body, fmt.Sprintf("messages.%d.ChatCompletionDeveloperMessageParam.role", i))
				f.Value = f.Value.Get(fmt.Sprintf("messages.%d", i))
				return nil, flawed(f)
			}
		}
		return [][]tokenizer.Token{a.chatTokens()}, nil
	}
	raw := bytes.TrimSpace(a.Prompt)
	if s := string(raw); s == "" || s == "null" || s == `""` {
		return nil, misused("prompt", nil, "Either prompt or prompt_embeds must be provided and non-empty.")
	}
	prompts = tokenizer.ReadPrompts(raw)
	switch {
	case string(raw) == "[]":
		return nil, bad("", "You must pass at least one prompt")
	case len(prompts) == 0:
		list := pydantic.Flaw{Kind: "list_type", Field: "prompt", Text: "Input should be a valid list", Value: gjson.ParseBytes(raw)}
		text := pydantic.Flaw{Kind: "string_type", Field: "prompt", Text: "Input should be a valid string", Value: list.Value}
		return nil, flawed(list, list, text, list) // one for each form that a prompt can have
	case len(prompts) > mostCopies:
		return nil, bad("", "%d prompts are more than %d.", len(prompts), mostCopies)
	}
	for _, prompt := range prompts {
		if apiErr := known(prompt); apiErr != nil {
			return nil, apiErr
		}
	}
	return prompts, nil
}

// known refuses a prompt of tokens that there are not.
func known(prompt []tokenizer.Token) *apiError {
	if len(prompt) == 0 {
		return misused("prompt", nil, "Either prompt or prompt_embeds must be provided and non-empty.")
	}
	for i, id := range prompt {
		switch {
		case id < 0:
			return flawed(pydantic.Negative("prompt", i, int(id)))
		case id >= tokenizer.Vocabulary:
			return bad("", "Token id %d is out of vocabulary", id)
		}
	}
	return nil
}

func hex(identity uint64) string { return fmt.Sprintf("%016x", identity) }
