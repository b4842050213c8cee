// Package api answers over HTTP as vLLM's front ends do: completions, chats, responses,
// messages, embeddings, scores, and what goes on beside them. What is generated is the
// engine's; here are the shapes of requests, answers, streams and errors.
package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/media"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// Version is what /version answers.
const Version = "0.32.0"

// Header stands in the answers of /version and /v1/models.
const Header = "X-Mockvllm"

// A Config says what is served, to whom, and in what shape.
type Config struct {
	Names       []string // of the model; the first stands in answers
	Root        string   // the model as it was named to be loaded
	Hardware    Hardware
	MaxModelLen int
	BlockSize   int           // of the KV cache
	Frontend    time.Duration // from the request to the queue
	Fingerprint string
	Seed        uint64
	Scale       float64
	APIKeys     []string       // any of them opens; none: all may ask
	Truth       func(Answered) // called when the server is done with a request; nil: it is not

	Rust              bool // streams, errors and lists as vLLM's Rust front end writes them
	Development       bool
	NoPrefixCache     bool
	Reasoning         bool
	PromptDetails     bool
	RequestMetrics    bool
	ForceUsage        bool
	TrackLoad         bool
	RequestIDHeader   bool
	StreamInterval    int
	MaxQueuedRequests int
	MaxQueuedTokens   int
	Adapters          []Adapter
	RuntimeAdapters   bool
}

// Hardware is what /server_info tells of what the model runs on.
type Hardware struct {
	Model, GPU                        string
	MaxSeqs, MaxBatchedTokens, Blocks int
}

// A Handler answers as vLLM's HTTP front end does.
type Handler struct {
	config  Config
	engine  *engine.Engine
	faults  *faults.Active
	metrics *metrics.Metrics
	mux     *http.ServeMux
	paths   map[string]map[string]any // that it has, with their methods, as /openapi.json tells them
	load    atomic.Int64              // requests that are being answered

	adapters  adapters
	equals    hash.Equals
	seen      media.Cache
	admission admissionQueue
	scrapes   scrapes
}

// New is the front end of an engine.
func New(c Config, e *engine.Engine, active *faults.Active, m *metrics.Metrics) *Handler {
	s := &Handler{config: c, engine: e, faults: active, metrics: m, mux: http.NewServeMux(), paths: map[string]map[string]any{}}
	s.adapters.list = slices.Clone(c.Adapters)
	s.routes()
	return s
}

func (s *Handler) routes() {
	for _, route := range []string{"GET /health", "GET /ping", "POST /ping"} {
		s.route(route, s.health)
	}
	s.route("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(Header, Version)
		reply(w, map[string]string{"version": Version})
	})
	s.route("GET /load", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]int64{"server_load": s.load.Load()})
	})
	s.route("/metrics", s.exposeMetrics)
	s.route("GET /v1/models", s.models)
	s.route("POST /tokenize", s.tokenize)
	s.route("POST /detokenize", s.detokenize)
	s.route("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, completions) })
	s.route("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, chat) })
	s.route("POST /v1/responses", s.responses)
	s.route("POST /inference/v1/generate", s.tokens)
	s.route("POST /v1/messages", s.messages)
	s.route("POST /v1/messages/count_tokens", s.countTokens)
	s.route("POST /v1/embeddings", pooler{s}.embeddings)
	s.route("POST /classify", pooler{s}.classify)
	s.route("POST /pooling", pooler{s}.pooling)
	for _, path := range []string{"/score", "/v1/score"} {
		s.route("POST "+path, pooler{s}.score)
	}
	for _, path := range []string{"/rerank", "/v1/rerank", "/v2/rerank"} {
		s.route("POST "+path, pooler{s}.rerank)
	}
	s.route("POST /v1/audio/transcriptions", func(w http.ResponseWriter, r *http.Request) { s.transcripts(w, r, "transcribe") })
	s.route("POST /v1/audio/translations", func(w http.ResponseWriter, r *http.Request) { s.transcripts(w, r, "translate") })
	s.route("GET /openapi.json", s.describe)
	s.route("GET /admin/faults", s.listFaults)
	s.route("POST /admin/faults", s.addFaults)
	s.route("DELETE /admin/faults", s.clearFaults)
	if s.config.RuntimeAdapters {
		s.route("POST /v1/load_lora_adapter", s.loadAdapter)
		s.route("POST /v1/unload_lora_adapter", s.unloadAdapter)
	}
	if s.config.Development {
		s.route("POST /reset_prefix_cache", development{s}.resetPrefixCache)
		s.route("POST /sleep", development{s}.sleep)
		s.route("POST /wake_up", development{s}.wakeUp)
		s.route("GET /is_sleeping", development{s}.isSleeping)
		s.route("GET /server_info", development{s}.serverInfo)
	}
}

// ServeHTTP answers as vLLM does.
func (s *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	counted := &wire.Status{ResponseWriter: w, Code: http.StatusOK}
	_, pattern := s.mux.Handler(r)
	if r.Method != http.MethodOptions && !allowed(s.config.APIKeys, r) {
		unauthorized(w) // before anything counts requests
		return
	}
	if !s.refused(counted, r, pattern) {
		if generates := strings.HasPrefix(r.URL.Path, "/v1/") && r.Method == http.MethodPost; generates && s.config.TrackLoad {
			s.load.Add(1)
			defer s.load.Add(-1)
		}
		s.mux.ServeHTTP(counted, r)
	}
	s.count(counted, r, pattern, time.Since(began))
}

// count notes a request as vLLM's instrumentator does, which leaves out what is
// asked all the time.
func (s *Handler) count(w *wire.Status, r *http.Request, pattern string, took time.Duration) {
	for _, quiet := range []string{"/metrics", "/health", "/load", "/ping", "/version", "/server_info", "/admin"} {
		if strings.Contains(r.URL.Path, quiet) {
			return
		}
	}
	handler := r.URL.Path
	if pattern == "" {
		handler = "none"
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream") {
		w.Bytes = 0 // a stream has no length beforehand
	}
	s.metrics.Responded(metrics.Route{Handler: handler, Method: r.Method}, fmt.Sprintf("%dxx", w.Code/100), took, r.ContentLength, w.Bytes)
}

// refused answers what no handler needs to see.
func (s *Handler) refused(w http.ResponseWriter, r *http.Request, pattern string) bool {
	switch {
	case pattern == "" && r.Method == http.MethodOptions:
	case pattern == "":
		s.unrouted(w, r)
		return true
	case r.Method == http.MethodPost && readsJSON(r.URL.Path) && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		s.fail(w, &apiError{status: http.StatusBadRequest, kind: "Bad Request", text: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed"})
		return true
	}
	return false
}

// unauthorized is flat, unlike every other error of vLLM's.
func unauthorized(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprint(w, `{"error":"Unauthorized"}`)
}

// unrouted answers a path that there is not, or not for this method, in the words
// of the framework below vLLM.
func (s *Handler) unrouted(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); pattern != "" {
			status = http.StatusMethodNotAllowed
			w.Header().Set("Allow", method)
			break
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"detail":%q}`, http.StatusText(status))
}

// allowed reports whether a request has a key, where its path needs one. The others are open
// in vLLM too.
func allowed(keys []string, r *http.Request) bool {
	guarded := func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	if len(keys) == 0 || !slices.ContainsFunc([]string{"/v1", "/v2", "/inference"}, guarded) {
		return true
	}
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return bearer && slices.Contains(keys, key)
}

// readsJSON reports whether a path takes a body that is JSON; others take a form, or are commands.
func readsJSON(path string) bool {
	switch path {
	case "/metrics", "/ping", "/reset_prefix_cache", "/sleep", "/wake_up", "/admin/faults", "/v1/audio/transcriptions", "/v1/audio/translations":
		return false
	}
	return true
}
