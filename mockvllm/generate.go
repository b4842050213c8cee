package mockvllm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The two ways to ask for an answer.
type protocol int

const (
	completions protocol = iota
	chat
)

// maxBody bounds a request; it is far above the longest context there is.
const maxBody = 64 << 20

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
	Stream              bool            `json:"stream"`
	ReturnTokenIDs      bool            `json:"return_token_ids"`
	StreamOptions       *struct {
		IncludeUsage         bool `json:"include_usage"`
		ContinuousUsageStats bool `json:"continuous_usage_stats"`
	} `json:"stream_options"`
}

// refusal is an answer with an error status.
type refusal struct {
	status      int
	kind, param string
	text        string
}

func bad(param, format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "BadRequestError", param, fmt.Sprintf(format, args...)}
}

// An arrival is a request that got past the faults which keep it from being read.
type arrival struct {
	at       time.Time
	body     []byte
	identity uint64 // of the body and the request id: what is drawn for it depends on nothing else
	hit      Fault
}

// receive reads a request, and reports false when it is answered already.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (arrival, bool) {
	in := arrival{at: time.Now()}
	var err error
	if in.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
		return in, false
	}
	in.identity = fnv(fnv(offset, in.body), r.Header.Get("X-Request-Id"))
	in.hit = fate(s.config.Faults, s.config.Seed, in.identity)
	switch f := in.hit.(type) {
	case Refuse:
		hangUp(w)
	case Fail:
		fail(w, f.Status, http.StatusText(f.Status), "The mock was told to fail this request.", "")
	default:
		return in, true
	}
	s.tell(&sequence{received: in.at}, "", in.hit, false)
	return in, false
}

func (s *Server) generate(w http.ResponseWriter, r *http.Request, p protocol) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, no := read(in.body)
	var seq *sequence
	if no == nil {
		seq, no = s.admit(a, p)
	}
	if no == nil {
		seq.identity, seq.received = in.identity, in.at
		seq.answer, no = s.answer(a, seq, p)
	}
	if no != nil {
		fail(w, no.status, no.kind, no.text, no.param)
		return
	}
	out := newStream(w, p, a, seq, s.config.ServedName, in.hit)
	whole := s.follow(r, seq, out)
	s.tell(seq, out.id, in.hit, whole)
}

// answer is what the server will say.
func (s *Server) answer(a *ask, seq *sequence, p protocol) (answer, *refusal) {
	if p == chat {
		if function, no := a.calls(); no != nil || function != nil {
			return function.answer(seq.maxTokens), no
		}
	}
	return draw(s.config.Seed, seq.identity, seq.maxTokens, a.MinTokens, a.IgnoreEOS), nil
}

// An output writes one answer in the shapes of its interface.
type output interface {
	open()                    // before the request is queued
	tokens(from, to int) bool // what came since the last call; false: that was all
	close()                   // the answer is whole
	writer() http.ResponseWriter
}

// follow takes the sequence through the engine and writes what comes of it. It
// reports whether the answer was written to its end.
func (s *Server) follow(r *http.Request, seq *sequence, out output) bool {
	out.open()
	if !pause(r, s.config.Profile.Frontend) {
		return false
	}
	s.engine.submit(seq)
	for sent := 0; ; {
		ready, ended := seq.progress()
		if ready > sent {
			if !out.tokens(sent, ready) {
				s.engine.abort(seq)
				return false
			}
			sent = ready
		}
		if ended {
			out.close()
			return true
		}
		select {
		case <-seq.notify:
		case <-r.Context().Done():
			s.engine.abort(seq)
			return false
		case <-s.engine.done:
			hangUp(out.writer())
			return false
		}
	}
}

// pause waits and reports false when the client went away.
func pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// hangUp closes the connection without another word.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		conn.Close()
	}
}

// read parses a request.
func read(raw []byte) (*ask, *refusal) {
	a := new(ask)
	if err := json.Unmarshal(raw, a); err != nil {
		return nil, &refusal{http.StatusBadRequest, "Bad Request", "", "1 validation error: " + err.Error()}
	}
	return a, nil
}

// admit checks a request as vLLM does and makes a sequence of it.
func (s *Server) admit(a *ask, p protocol) (*sequence, *refusal) {
	if a.Model != "" && a.Model != s.config.ServedName {
		return nil, &refusal{http.StatusNotFound, "NotFoundError", "model", fmt.Sprintf("The model `%s` does not exist.", a.Model)}
	}
	if a.StreamOptions != nil && !a.Stream {
		return nil, bad("stream_options", "Stream options can only be defined when `stream=True`.")
	}
	prompt, no := a.promptTokens(p)
	if no != nil {
		return nil, no
	}
	longest := s.config.Profile.MaxModelLen
	limit := 16 // vLLM's default for completions
	if p == chat {
		limit = longest - len(prompt)
	}
	if a.MaxTokens != nil {
		limit = *a.MaxTokens
	}
	if p == chat && a.MaxCompletionTokens != nil {
		limit = *a.MaxCompletionTokens
	}
	switch {
	case limit < 1 && (a.MaxTokens != nil || a.MaxCompletionTokens != nil):
		return nil, bad("max_tokens", "max_tokens must be at least 1, got %d.", limit)
	case len(prompt)+limit > longest || limit < 1:
		return nil, bad("input_tokens", "This model's maximum context length is %d tokens. However, you requested %d output tokens and your prompt contains %d input tokens. Please reduce the length of the input prompt or the number of requested output tokens.", longest, limit, len(prompt))
	case a.MinTokens < 0 || a.MinTokens > limit:
		return nil, bad("min_tokens", "min_tokens must lie between 0 and max_tokens=%d, got %d.", limit, a.MinTokens)
	}
	return &sequence{tokens: prompt, hashes: chain(prompt), prompt: len(prompt), maxTokens: limit, whole: !a.Stream, notify: make(chan struct{}, 1)}, nil
}

func (a *ask) promptTokens(p protocol) ([]int, *refusal) {
	if p == chat {
		if len(a.Messages) == 0 {
			return nil, bad("messages", "messages must not be empty.")
		}
		return tokenizeChat(a.Messages), nil
	}
	var text string
	var ids []int
	raw := bytes.TrimSpace(a.Prompt)
	var texts []string
	switch {
	case json.Unmarshal(raw, &text) == nil:
	case json.Unmarshal(raw, &ids) == nil:
		for _, id := range ids {
			if id < 0 || id >= vocabulary {
				return nil, bad("prompt", "Token id %d is out of vocabulary.", id)
			}
		}
	case json.Unmarshal(raw, &texts) == nil && len(texts) == 1:
		text = texts[0]
	default:
		return nil, bad("prompt", "prompt must be one text, or one list of token ids.")
	}
	if ids == nil && text != "" {
		ids = append([]int{beginText}, tokenize(text)...)
	}
	if len(ids) == 0 {
		return nil, bad("prompt", "The prompt cannot be empty.")
	}
	return ids, nil
}
