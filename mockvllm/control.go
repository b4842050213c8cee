package mockvllm

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	if _, _, dead := s.faults.of(Dead, time.Now()); dead {
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

func (s *Server) exposeMetrics(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if _, _, missing := s.faults.of(MetricsMissing, now); missing {
		s.fail(w, &refusal{status: http.StatusNotFound, kind: "Not Found", text: "Not Found"})
		return
	}
	if f, _, slow := s.faults.of(MetricsSlow, now); slow && !s.pause(r, f.Delay) {
		return
	}
	s.scrapes.Lock()
	defer s.scrapes.Unlock()
	if _, since, on := s.faults.of(MetricsReset, now); on && !s.scrapes.reset.Equal(since) {
		s.scrapes.reset = since
		s.metrics.restart(since)
	}
	kind, body := s.metrics.expose()
	if _, _, stale := s.faults.of(MetricsStale, now); !stale {
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
func (s *Server) read(w http.ResponseWriter, r *http.Request, body any) (raw []byte, ok bool) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(raw, body)
	}
	if err != nil {
		s.fail(w, invalid(raw, err))
	}
	return raw, err == nil
}

func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model      string    `json:"model"`
		Prompt     *string   `json:"prompt"`
		Messages   []message `json:"messages"`
		AddSpecial *bool     `json:"add_special_tokens"`
		Strings    bool      `json:"return_token_strs"`
	}
	raw, ok := s.read(w, r, &body)
	if !ok {
		return
	}
	if _, no := s.adapter(body.Model); no != nil {
		s.fail(w, no)
		return
	}
	var ids []token
	switch {
	case body.Prompt != nil:
		if body.AddSpecial == nil || *body.AddSpecial {
			ids = []token{beginText}
		}
		ids = append(ids, tokenize(*body.Prompt)...)
	case body.Messages != nil:
		ids = tokenizeChat(body.Messages)
	default:
		s.fail(w, flawed(missing(raw, "prompt"), missing(raw, "messages")))
		return
	}
	var strs []string
	if body.Strings {
		for _, id := range ids {
			strs = append(strs, detokenize([]token{id}))
		}
	}
	reply(w, map[string]any{"count": len(ids), "max_model_len": s.config.Profile.MaxModelLen, "tokens": ids, "token_strs": strs})
}

// detokenize gives tokens that there are not no text, as vLLM does.
func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Model  string  `json:"model"`
		Tokens []token `json:"tokens"`
	}
	raw, ok := s.read(w, r, &body)
	if !ok {
		return
	}
	_, no := s.adapter(body.Model)
	if no == nil && body.Tokens == nil {
		no = flawed(missing(raw, "tokens"))
	}
	ids := body.Tokens[:0]
	for i, id := range body.Tokens {
		if id < 0 {
			no = flawed(negative("tokens", i, id))
			break
		}
		if id < vocabulary {
			ids = append(ids, id)
		}
	}
	if no != nil {
		s.fail(w, no)
		return
	}
	reply(w, map[string]string{"prompt": detokenize(ids)})
}

func (s *Server) resetPrefixCache(w http.ResponseWriter, _ *http.Request) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	reply(w, map[string]bool{"success": s.engine.pool.forget()})
}

func (s *Server) sleep(w http.ResponseWriter, r *http.Request) {
	level := 1
	if given := r.URL.Query().Get("level"); given != "" {
		var err error
		if level, err = strconv.Atoi(given); err != nil || level < 1 || level > 2 {
			s.fail(w, bad("level", "level must be 1 or 2, got %q.", given))
			return
		}
	}
	s.engine.sleep(level)
}

// wakeUp brings weights and cache back, or one of them; the engine is awake when it
// has both.
func (s *Server) wakeUp(w http.ResponseWriter, r *http.Request) {
	tags := r.URL.Query()["tags"]
	for _, tag := range tags {
		if tag != "weights" && tag != "kv_cache" {
			s.fail(w, bad("tags", "tags are weights and kv_cache, got %q.", tag))
			return
		}
	}
	s.engine.wakeUp(tags)
}

func (s *Server) isSleeping(w http.ResponseWriter, _ *http.Request) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	reply(w, map[string]bool{"is_sleeping": s.engine.asleep > 0})
}

// serverInfo tells the configuration; keys stay where they are.
func (s *Server) serverInfo(w http.ResponseWriter, _ *http.Request) {
	p := s.config.Profile
	reply(w, map[string]any{"vllm_config": map[string]any{"model": p.Name, "served_model_name": s.config.Names, "max_model_len": p.MaxModelLen,
		"max_num_seqs": p.MaxSeqs, "max_num_batched_tokens": p.MaxBatchedTokens, "block_size": p.BlockSize, "num_gpu_blocks": p.Blocks,
		"enable_prefix_caching": !s.config.NoPrefixCache, "seed": s.config.Seed}, "vllm_env": map[string]any{}, "system_env": map[string]any{"gpu": p.GPU}})
}

// The faults of a running server, one on each line, as ParseFault reads them.
func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	faults, hits := s.faults.all()
	for i, f := range faults {
		fmt.Fprint(w, f)
		if kind, _ := failing(f.Kind); kind.Requests {
			fmt.Fprintf(w, " # %d requests", hits[i])
		}
		fmt.Fprintln(w)
	}
}

func (s *Server) addFaults(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the client is gone
	}
	var faults []Fault
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		f, err := ParseFault(line)
		if err != nil {
			s.fail(w, bad("", "%v", err))
			return
		}
		faults = append(faults, f)
	}
	_ = s.Suffer(faults...) // they were checked when they were read
	s.listFaults(w, r)
}

func (s *Server) clearFaults(http.ResponseWriter, *http.Request) { s.faults.clear() }
