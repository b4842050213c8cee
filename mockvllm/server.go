package mockvllm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Version is what /version answers.
const Version = "0.28.0"

// A Config says what is served, and what goes wrong on purpose.
type Config struct {
	Profile    Profile
	ServedName string // of the model; "" for the profile's
	Seed       uint64
	APIKey     string // "" for none
	Faults     []Fault
	Truth      func(Truth) // called when the server is done with a request; nil: nobody wants to know
}

// A Server is a mock of a vLLM server: an http.Handler with an engine behind it.
type Server struct {
	config  Config
	engine  *engine
	metrics *metrics
	mux     *http.ServeMux
	start   sync.Once
	close   sync.Once
	started bool
}

// New checks the configuration; the engine stands still until Start.
func New(c Config) (*Server, error) {
	p := &c.Profile
	switch {
	case p.Name == "":
		return nil, errors.New("a mock server needs a profile; see Profiles")
	case p.MaxSeqs < 1:
		return nil, fmt.Errorf("the mock can hold %d sequences; it must be at least 1", p.MaxSeqs)
	case p.Blocks < 2:
		return nil, fmt.Errorf("the mock has %d cache blocks; it must be at least 2", p.Blocks)
	case p.MaxBatchedTokens < 1:
		return nil, fmt.Errorf("a step of the mock has %d tokens; it must be at least 1", p.MaxBatchedTokens)
	}
	for _, f := range c.Faults {
		if err := f.check(); err != nil {
			return nil, err
		}
	}
	if c.ServedName == "" {
		c.ServedName = p.Name
	}
	// vLLM refuses to start with a length that does not fit the cache; the mock
	// shortens the length, so that a small cache can be tried.
	p.MaxModelLen = min(p.MaxModelLen, (p.Blocks-1)*blockSize)
	s := &Server{config: c, metrics: newMetrics(c.ServedName, *p), mux: http.NewServeMux()}
	s.engine = newEngine(*p, c.Faults, s.metrics)
	s.engine.stamps = c.Truth != nil
	s.routes()
	return s, nil
}

// Start starts the engine. Faults count from here, until StartLoad.
func (s *Server) Start() {
	s.start.Do(func() {
		s.started = true
		s.StartLoad()
		go s.engine.run()
	})
}

// StartLoad makes the instants of faults count from now.
func (s *Server) StartLoad() {
	s.engine.mu.Lock()
	s.engine.load = time.Now()
	s.engine.mu.Unlock()
}

// Close stops the engine and waits for it.
func (s *Server) Close() {
	s.close.Do(func() {
		close(s.engine.stop)
		if s.started {
			<-s.engine.done
		}
	})
}

func (s *Server) routes() {
	ok := func(w http.ResponseWriter, _ *http.Request) {}
	s.mux.HandleFunc("GET /health", ok)
	s.mux.HandleFunc("GET /ping", ok)
	s.mux.HandleFunc("POST /ping", ok)
	s.mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]string{"version": Version})
	})
	s.mux.HandleFunc("GET /load", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]int{"server_load": 0})
	})
	s.mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		s.metrics.write(w)
	})
	s.mux.HandleFunc("GET /v1/models", s.models)
	s.mux.HandleFunc("POST /tokenize", s.tokenize)
	s.mux.HandleFunc("POST /reset_prefix_cache", s.resetPrefixCache)
	s.mux.HandleFunc("POST /v1/responses", s.responses)
	s.mux.HandleFunc("POST /v1/embeddings", s.embeddings)
	for _, path := range []string{"/score", "/v1/score"} {
		s.mux.HandleFunc("POST "+path, s.score)
	}
	for _, path := range []string{"/rerank", "/v1/rerank", "/v2/rerank"} {
		s.mux.HandleFunc("POST "+path, s.rerank)
	}
	s.mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, completions) })
	s.mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, chat) })
}

// ServeHTTP answers as vLLM does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	_, pattern := s.mux.Handler(r)
	if s.refused(counted, r, pattern) {
		return
	}
	s.mux.ServeHTTP(counted, r)
	switch r.URL.Path {
	case "/metrics", "/health", "/ping", "/version", "/load":
	default:
		s.metrics.answered(r.URL.Path, r.Method, counted.status)
	}
}

// refused answers what no handler needs to see.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, pattern string) bool {
	switch {
	case pattern == "" && r.Method == http.MethodOptions:
	case s.config.APIKey != "" && strings.HasPrefix(r.URL.Path, "/v1") && r.Header.Get("Authorization") != "Bearer "+s.config.APIKey:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"Unauthorized"}`) // flat, unlike every other error of vLLM's
		return true
	case pattern == "":
		status := http.StatusNotFound
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			other := r.Clone(r.Context())
			other.Method = method
			if _, p := s.mux.Handler(other); p != "" {
				status = http.StatusMethodNotAllowed
			}
		}
		fail(w, status, http.StatusText(status), http.StatusText(status), "")
		return true
	case r.Method == http.MethodPost && r.URL.Path != "/ping" && r.URL.Path != "/reset_prefix_cache" &&
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		fail(w, http.StatusBadRequest, "Bad Request", "Unsupported Media Type: Only 'application/json' is allowed", "")
		return true
	}
	return false
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach what can flush and hijack.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// fail writes an error in vLLM's envelope (vllm/entrypoints/openai/engine/protocol.py).
func fail(w http.ResponseWriter, status int, kind, text, param string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(errorBody(status, kind, text, param))
}

func errorBody(status int, kind, text, param string) []byte {
	type body struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    int     `json:"code"`
	}
	b := body{Message: text, Type: kind, Code: status}
	if param != "" {
		b.Param = &param
	}
	out, _ := json.Marshal(map[string]body{"error": b})
	return out
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	now := time.Now().Unix()
	reply(w, map[string]any{"object": "list", "data": []any{map[string]any{
		"id": s.config.ServedName, "object": "model", "created": now, "owned_by": "vllm",
		"root": s.config.Profile.Name, "parent": nil, "max_model_len": s.config.Profile.MaxModelLen,
		"permission": []any{map[string]any{"id": "modelperm-mock", "object": "model_permission", "created": now}},
	}}})
}

func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Prompt   *string   `json:"prompt"`
		Messages []message `json:"messages"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Prompt == nil && body.Messages == nil {
		fail(w, http.StatusBadRequest, "Bad Request", "1 validation error: prompt or messages is required", "prompt")
		return
	}
	var ids []int
	if body.Prompt != nil {
		ids = append([]int{beginText}, tokenize(*body.Prompt)...)
	} else {
		ids = tokenizeChat(body.Messages)
	}
	reply(w, map[string]any{"count": len(ids), "max_model_len": s.config.Profile.MaxModelLen, "tokens": ids, "token_strs": nil})
}

func (s *Server) resetPrefixCache(w http.ResponseWriter, _ *http.Request) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	reply(w, map[string]bool{"success": s.engine.pool.forget()})
}
