package export

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// A Page serves /metrics of the run that is on, and then of the last one, until it
// is closed.
type Page struct {
	server  http.Server
	address net.Addr
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
	p := &Page{address: listener.Addr()}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", p)
	p.server = http.Server{Handler: routes, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go p.server.Serve(listener)
	return p, nil
}

// Show lets the page be that of a run.
func (p *Page) Show(e *Exporter) { p.current.Store(e) }

// URL is where it is.
func (p *Page) URL() string { return "http://" + p.address.String() + "/metrics" }

// ServeHTTP is the page; an empty one before the first run.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := p.current.Load(); e != nil {
		e.ServeHTTP(w, r)
	}
}

// Close stops serving.
func (p *Page) Close() error { return p.server.Close() }
