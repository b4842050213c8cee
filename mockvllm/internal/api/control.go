package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

func (s *Handler) health(w http.ResponseWriter, _ *http.Request) {
	if _, _, dead := s.faults.On(faults.Dead, time.Now()); dead {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// scrapes are what goes wrong with /metrics: a page that stays, counters that
// were set back already.
type scrapes struct {
	sync.Mutex
	stale []byte
	reset time.Time
}

func (s *Handler) exposeMetrics(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if _, _, missing := s.faults.On(faults.MetricsMissing, now); missing {
		s.fail(w, &apiError{status: http.StatusNotFound, kind: "Not Found", text: "Not Found"})
		return
	}
	if f, _, slow := s.faults.On(faults.MetricsSlow, now); slow && !s.pause(r, f.Delay) {
		return
	}
	s.scrapes.Lock()
	defer s.scrapes.Unlock()
	if _, since, on := s.faults.On(faults.MetricsReset, now); on && !s.scrapes.reset.Equal(since) {
		s.scrapes.reset = since
		s.metrics.Restart(since)
	}
	kind, body := s.metrics.Expose()
	if _, _, stale := s.faults.On(faults.MetricsStale, now); !stale {
		s.scrapes.stale = nil
	} else if s.scrapes.stale == nil {
		s.scrapes.stale = body
	} else {
		body = s.scrapes.stale
	}
	w.Header().Set("Content-Type", kind)
	w.Write(body)
}

// read decodes a body, or answers why it cannot, and reports whether it could.
func (s *Handler) read(w http.ResponseWriter, r *http.Request, body any) (raw []byte, ok bool) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, body)
	}
	if err != nil {
		s.fail(w, invalid(raw, err))
	}
	return raw, err == nil
}

func (s *Handler) tokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model      string              `json:"model"`
		Prompt     *string             `json:"prompt"`
		Messages   []tokenizer.Message `json:"messages"`
		AddSpecial *bool               `json:"add_special_tokens"`
		Strings    bool                `json:"return_token_strs"`
	}
	raw, ok := s.read(w, r, &body)
	if !ok {
		return
	}
	if _, apiErr := s.adapter(body.Model); apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	var ids []tokenizer.Token
	switch {
	case body.Prompt != nil:
		if body.AddSpecial == nil || *body.AddSpecial {
			ids = []tokenizer.Token{tokenizer.BeginText}
		}
		ids = append(ids, tokenizer.Encode(*body.Prompt)...)
	case body.Messages != nil:
		ids = tokenizer.EncodeChat(body.Messages)
	default:
		s.fail(w, flawed(pydantic.Missing(raw, "prompt"), pydantic.Missing(raw, "messages")))
		return
	}
	var strs []string
	if body.Strings {
		for _, id := range ids {
			strs = append(strs, tokenizer.Decode([]tokenizer.Token{id}))
		}
	}
	reply(w, map[string]any{"count": len(ids), "max_model_len": s.config.MaxModelLen, "tokens": ids, "token_strs": strs})
}

// detokenize gives tokens that there are not no text, as vLLM does.
func (s *Handler) detokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model  string            `json:"model"`
		Tokens []tokenizer.Token `json:"tokens"`
	}
	raw, ok := s.read(w, r, &body)
	if !ok {
		return
	}
	_, apiErr := s.adapter(body.Model)
	if apiErr == nil && body.Tokens == nil {
		apiErr = flawed(pydantic.Missing(raw, "tokens"))
	}
	ids := body.Tokens[:0]
	for i, id := range body.Tokens {
		if id < 0 {
			apiErr = flawed(pydantic.Negative("tokens", i, int(id)))
			break
		}
		if id < tokenizer.Vocabulary {
			ids = append(ids, id)
		}
	}
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	reply(w, map[string]string{"prompt": tokenizer.Decode(ids)})
}

// The faults of a running server, one on each line, as ParseFault reads them.
func (s *Handler) listFaults(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	set, hits := s.faults.All()
	for i, f := range set {
		fmt.Fprint(w, f)
		if kind, _ := faults.Describe(f.Kind); kind.Requests {
			fmt.Fprintf(w, " # %d requests", hits[i])
		}
		fmt.Fprintln(w)
	}
}

func (s *Handler) addFaults(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client is gone
	}
	var more []faults.Fault
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		f, err := faults.Parse(line)
		if err != nil {
			s.fail(w, bad("", "%v", err))
			return
		}
		more = append(more, f)
	}
	s.faults.Add(time.Now(), more...) // they were checked when they were read
	s.listFaults(w, r)
}

func (s *Handler) clearFaults(http.ResponseWriter, *http.Request) { s.faults.Clear() }
