package export

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/vllmspec/vllmspec/internal/loopback"
)

// A Page serves /metrics of the run that is on, and then of the last one, until it
// is closed.
type Page struct {
	server  http.Server
	address net.Addr
	own     bool // only this machine reaches it
	current atomic.Pointer[Exporter]
}

// Address reads where a page is to be served: a host and a port, or a port alone,
// which is one of the loopback interface.
func Address(written string) (string, error) {
	host, port, err := net.SplitHostPort(written)
	if err != nil {
		host, port, err = net.SplitHostPort(":" + written)
	}
	if n, bad := net.LookupPort("tcp", port); err != nil || bad != nil || n < 0 {
		return "", fmt.Errorf("%q is no address; write 127.0.0.1:9464, or a port alone", written)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// Serve serves a page at an address.
func Serve(address string) (*Page, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics cannot be shown at %s: %w", address, err)
	}
	host, _, _ := net.SplitHostPort(address)
	return serve(listener, host), nil
}

// serve serves on a listener of a host.
func serve(listener net.Listener, host string) *Page {
	p := &Page{address: listener.Addr(), own: loopback.Is(host)}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", p)
	p.server = http.Server{Handler: routes, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16}
	go p.server.Serve(listener)
	return p
}

// Show lets the page be that of a run.
func (p *Page) Show(e *Exporter) { p.current.Store(e) }

// URL is where it is.
func (p *Page) URL() string { return "http://" + p.address.String() + "/metrics" }

// patience is with one who asks, or takes an answer, slowly.
const patience = 10 * time.Second

// ServeHTTP is the page; an empty one before the first run. Where only this machine reaches
// it, it answers to this machine's own names only.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.own && !loopback.Is(r.Host) {
		http.Error(w, fmt.Sprintf("This page is not served under the name %q. Ask for it as %s, or set VLLMSPEC_METRICS=0.0.0.0:9464 to serve it to other machines.", r.Host, p.URL()), http.StatusForbidden)
		return
	}
	if e := p.current.Load(); e != nil {
		e.ServeHTTP(w, r)
	}
}

// Close stops serving.
func (p *Page) Close() error { return p.server.Close() }
