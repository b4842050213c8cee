package mockvllm

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/api"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
	"github.com/vllmspec/vllmspec/mockvllm/internal/metrics"
)

// A Server is a mock of a vLLM server: an http.Handler with an engine behind it.
type Server struct {
	handler *api.Handler
	engine  *engine.Engine
	faults  *faults.Active
	start   sync.Once
	close   sync.Once
	started bool
}

// New checks the configuration; the engine stands still until Start.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	answer.WordIDs() // unpacks the vocabulary now, or the first request would wait for it
	active, counts := faults.New(c.Seed, c.Scale), metrics.New(c.metrics())
	active.Add(time.Now(), c.Faults...)
	e := engine.New(c.engine(), active, counts, nil)
	return &Server{handler: api.New(c.api(), e, active, counts), engine: e, faults: active}, nil
}

// Start starts the engine. The configured faults count from here.
func (s *Server) Start() {
	s.start.Do(func() {
		s.started = true
		s.faults.Begin(time.Now())
		go s.engine.Run()
	})
}

// Inject lets more go wrong, as of now.
func (s *Server) Inject(more ...Fault) error {
	for _, f := range more {
		if err := f.Check(); err != nil {
			return err
		}
	}
	s.faults.Add(time.Now(), more...)
	return nil
}

// Close stops the engine and waits for it.
func (s *Server) Close() {
	s.close.Do(func() { s.engine.Close(s.started) })
}

// ServeHTTP answers as vLLM does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// api are the settings of the HTTP front end.
func (c Config) api() api.Config {
	p := c.Profile
	out := api.Config{Names: c.Names, Root: c.Root, MaxModelLen: p.MaxModelLen, BlockSize: p.BlockSize, Frontend: p.Frontend,
		Hardware:    api.Hardware{Model: p.Name, GPU: p.GPU, MaxSeqs: p.MaxSeqs, MaxBatchedTokens: p.MaxBatchedTokens, Blocks: p.Blocks},
		Fingerprint: fmt.Sprintf("vllm-%s-%08x", Version, uint32(hash.FNV(hash.Offset, fmt.Sprint(p)))),
		Seed:        c.Seed, Scale: c.Scale, APIKeys: c.APIKeys, Rust: c.Dialect == Rust, Development: c.Development, NoPrefixCache: c.NoPrefixCache,
		Reasoning: c.Reasoning, PromptDetails: c.PromptDetails, RequestMetrics: c.RequestMetrics, ForceUsage: c.ForceUsage, TrackLoad: c.TrackLoad,
		RequestIDHeader: c.RequestIDHeader, StreamInterval: c.StreamInterval, MaxQueuedRequests: c.MaxQueuedRequests, MaxQueuedTokens: c.MaxQueuedTokens,
		RuntimeAdapters: c.RuntimeAdapters}
	for _, a := range c.Adapters {
		out.Adapters = append(out.Adapters, api.Adapter(a))
	}
	if c.Truth != nil {
		out.Truth = func(a api.Answered) { c.Truth(truthOfAnswer(a)) }
	}
	return out
}
