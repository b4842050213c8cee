package mockvllm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is a mock of a vLLM server: an http.Handler with an engine behind it.
type Server struct {
	config      Config
	engine      *engine
	faults      *mishaps
	metrics     *metrics
	mux         *http.ServeMux
	fingerprint string
	load        atomic.Int64 // requests that are being answered

	adapters struct {
		sync.Mutex
		list []Adapter
	}
	equals  equals
	coming  coming
	scrapes scrapes
	start   sync.Once
	close   sync.Once
	started bool
}

// New checks the configuration; the engine stands still until Start.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, metrics: newMetrics(c), mux: http.NewServeMux(),
		faults:      &mishaps{seed: c.Seed, scale: c.Scale},
		fingerprint: fmt.Sprintf("vllm-%s-%08x", Version, uint32(fnv(offset, fmt.Sprint(c.Profile))))}
	wordIDs() // unpacks the vocabulary now, or the first request would wait for it
	s.faults.add(time.Now(), c.Faults...)
	s.adapters.list = slices.Clone(c.Adapters)
	s.engine = newEngine(c, s.faults, s.metrics)
	s.routes()
	return s, nil
}

// Start starts the engine. The configured faults count from here.
func (s *Server) Start() {
	s.start.Do(func() {
		s.started = true
		s.faults.begin(time.Now())
		go s.engine.run()
	})
}

// Suffer lets more go wrong, as of now.
func (s *Server) Suffer(faults ...Fault) error {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	s.faults.add(time.Now(), faults...)
	return nil
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
	for _, route := range []string{"GET /health", "GET /ping", "POST /ping"} {
		s.mux.HandleFunc(route, s.health)
	}
	s.mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]string{"version": Version})
	})
	s.mux.HandleFunc("GET /load", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]int64{"server_load": s.load.Load()})
	})
	s.mux.HandleFunc("/metrics", s.exposeMetrics)
	s.mux.HandleFunc("GET /v1/models", s.models)
	s.mux.HandleFunc("POST /tokenize", s.tokenize)
	s.mux.HandleFunc("POST /detokenize", s.detokenize)
	s.mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, completions) })
	s.mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { s.generate(w, r, chat) })
	s.mux.HandleFunc("POST /v1/responses", s.responses)
	s.mux.HandleFunc("POST /v1/messages", s.messages)
	s.mux.HandleFunc("POST /v1/messages/count_tokens", s.countTokens)
	s.mux.HandleFunc("POST /v1/embeddings", s.embeddings)
	for _, path := range []string{"/score", "/v1/score"} {
		s.mux.HandleFunc("POST "+path, s.score)
	}
	for _, path := range []string{"/rerank", "/v1/rerank", "/v2/rerank"} {
		s.mux.HandleFunc("POST "+path, s.rerank)
	}
	s.mux.HandleFunc("GET /admin/faults", s.listFaults)
	s.mux.HandleFunc("POST /admin/faults", s.addFaults)
	s.mux.HandleFunc("DELETE /admin/faults", s.clearFaults)
	if s.config.RuntimeAdapters {
		s.mux.HandleFunc("POST /v1/load_lora_adapter", s.loadAdapter)
		s.mux.HandleFunc("POST /v1/unload_lora_adapter", s.unloadAdapter)
	}
	if s.config.Development {
		s.mux.HandleFunc("POST /reset_prefix_cache", s.resetPrefixCache)
		s.mux.HandleFunc("POST /sleep", s.sleep)
		s.mux.HandleFunc("POST /wake_up", s.wakeUp)
		s.mux.HandleFunc("GET /is_sleeping", s.isSleeping)
		s.mux.HandleFunc("GET /server_info", s.serverInfo)
	}
}

// ServeHTTP answers as vLLM does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	counted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	_, pattern := s.mux.Handler(r)
	if s.guarded(r) && r.Method != http.MethodOptions && !s.admits(r.Header.Get("Authorization")) {
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
func (s *Server) count(w *statusWriter, r *http.Request, pattern string, took time.Duration) {
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
		w.bytes = 0 // a stream has no length beforehand
	}
	s.metrics.answered(route{handler, r.Method}, fmt.Sprintf("%dxx", w.status/100), took, r.ContentLength, w.bytes)
}

// refused answers what no handler needs to see.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, pattern string) bool {
	switch {
	case pattern == "" && r.Method == http.MethodOptions:
	case pattern == "":
		s.unrouted(w, r)
		return true
	case r.Method == http.MethodPost && readsJSON(r.URL.Path) && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		s.fail(w, &refusal{status: http.StatusBadRequest, kind: "Bad Request", text: "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed"})
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
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
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

// guarded reports whether a path needs a key. The others are open in vLLM too.
func (s *Server) guarded(r *http.Request) bool {
	return len(s.config.APIKeys) > 0 && (strings.HasPrefix(r.URL.Path, "/v1") || strings.HasPrefix(r.URL.Path, "/v2"))
}

func (s *Server) admits(authorization string) bool {
	key, bearer := strings.CutPrefix(authorization, "Bearer ")
	return bearer && slices.Contains(s.config.APIKeys, key)
}

// readsJSON reports whether a path takes a body; those without are commands.
func readsJSON(path string) bool {
	switch path {
	case "/metrics", "/ping", "/reset_prefix_cache", "/sleep", "/wake_up", "/admin/faults":
		return false
	}
	return true
}

// A statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.bytes += int64(len(b))
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what can flush and hijack.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
