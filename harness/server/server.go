// Package server is where the server under test comes from: the URL of one that
// runs already, a command or a container that is started for all scenarios of one
// `go test`, or a mock that is started for each, in virtual time or over TCP.
// Whatever it is, the rest of the harness sees an address and a way to dial it,
// and what was started is stopped, however we end.
package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/redact"
	"github.com/vllmspec/vllmspec/mockvllm"
)

// A Server is a server under test that can be dialled.
type Server struct {
	URL     string   // base address, without /v1 and without a trailing slash
	Others  []string // of further replicas
	Kind    string   // for the reader: "a server at a URL", "the mock, in virtual time", …
	Remote  bool     // no mock of ours: reached with the credentials of the environment
	Virtual bool     // runs on the virtual clock of a testing/synctest bubble
	// Dial reaches it where the network cannot; nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	mock   *mockvllm.Server
	faults []mockvllm.Fault // of the mock, once the load begins
	serve  *http.Server

	process process // that we started
	log     *logbook
}

// The kinds of mocks, for the reader.
const (
	InVirtualTime = "the mock, in virtual time"
	OverTCP       = "the mock, over TCP"
)

// At is the server at a URL, which is checked for its form only, or at several of
// its replicas.
func At(urls ...string) (*Server, error) {
	s := &Server{Kind: "a server at a URL", Remote: true}
	for i, raw := range urls {
		base, err := ParseURL(raw)
		switch {
		case err != nil:
			return nil, err
		case base == s.URL || slices.Contains(s.Others, base):
			return nil, fmt.Errorf("%s is named twice", s.Where())
		case i == 0:
			s.URL = base
		default:
			s.Others, s.Kind = append(s.Others, base), fmt.Sprintf("%d replicas", i+1)
		}
	}
	return s, nil
}

// URLs are the base addresses of all replicas.
func (s *Server) URLs() []string { return append([]string{s.URL}, s.Others...) }

// Simulated starts a mock that is reached through pipes in memory, for a
// testing/synctest bubble: nothing in it waits for anything outside.
func Simulated(config mockvllm.Config) (*Server, error) {
	pipes := newPipes()
	s := &Server{URL: "http://mock", Kind: InVirtualTime, Virtual: true, Dial: pipes.dial}
	return s, s.start(config, pipes)
}

// Mock starts a mock in real time on a free port of the loopback interface.
func Mock(config mockvllm.Config) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the mock needs a port of the loopback interface: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), Kind: OverTCP}
	return s, s.start(config, listener)
}

func (s *Server) start(config mockvllm.Config, listener net.Listener) error {
	s.faults, config.Faults = config.Faults, nil
	mock, err := mockvllm.New(config)
	if err != nil {
		return err
	}
	mock.Start()
	s.mock = mock
	s.serve = &http.Server{Handler: mock, ReadHeaderTimeout: time.Minute}
	go s.serve.Serve(listener)
	return nil
}

// LoadBegins lets a mock go wrong as it is meant to, from now on: what was asked
// of it beforehand, to see that it is there, is no part of the load.
func (s *Server) LoadBegins() error {
	if s.mock == nil {
		return nil
	}
	return s.mock.Inject(s.faults...)
}

// Where is the address, or all of them, without credentials.
func (s *Server) Where() string {
	var all []string
	for _, raw := range s.URLs() {
		all = append(all, redact.URL(raw))
	}
	return strings.Join(all, ",")
}

// Close stops what was started, and leaves alone what was not.
func (s *Server) Close() { s.Stop(context.Background()) }

// Stop is Close for one who has little time: what was asked to end and has not when the
// context is over is ended. It may be called while another call goes on.
func (s *Server) Stop(ctx context.Context) {
	if s.mock != nil {
		s.serve.Close()
		s.mock.Close()
	}
	if s.process != nil {
		ctx, cancel := context.WithTimeout(ctx, stopWithin)
		defer cancel()
		s.process.stop(ctx)
	}
	if s.log != nil {
		s.log.close()
	}
}
