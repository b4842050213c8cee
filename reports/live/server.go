package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/internal/loopback"
	"github.com/vllmspec/vllmspec/reports"
)

// A Server shows the runs of one go test to browsers, one after the other. Its
// exported methods may be called from any goroutine.
type Server struct {
	listener net.Listener
	http     *http.Server
	host     string // as it was asked for
	guarded  bool   // others than this machine can reach it: they need the token
	token    string
	mux      *http.ServeMux

	mu      sync.Mutex
	view    reports.View // the latest
	stop    func()       // ends the run that is on; nil where none is
	others  []reports.Entry
	files   map[string]string // of the runs that have ended: link → report.html
	viewers map[*viewer]bool
	asked   time.Time     // when the page was last opened
	shown   time.Time     // when the view came
	next    chan struct{} // closed when another one comes
	frame   []byte        // the latest that was sent, encoded once for all
	closed  bool
}

// A viewer is one browser that follows. Of the frames that it has no time for it
// gets the newest only.
type viewer struct{ frames chan []byte }

const (
	viewersMost = 100
	patience    = 5 * time.Second // with one who takes nothing any more
)

// Listen serves at an address, host:port. One that only this machine can reach is
// open to it; any other asks for a token, which is part of the URL.
func Listen(address string) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address; write host:port, 127.0.0.1:7878", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return serve(listener, host), nil
}

// serve serves on a listener of the host that was asked for.
func serve(listener net.Listener, host string) *Server {
	s := &Server{listener: listener, host: host, guarded: !loopback.Is(host), token: rand.Text(), mux: http.NewServeMux(),
		viewers: map[*viewer]bool{}, files: map[string]string{}, view: reports.Waiting(), next: make(chan struct{})}
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("GET /events", s.events)
	s.mux.HandleFunc("POST /stop", s.stopRun)
	s.mux.HandleFunc("GET /runs/{run}/report.html", s.report)
	s.mux.HandleFunc("GET /runs/index.html", func(w http.ResponseWriter, _ *http.Request) { // where saved reports lead
		w.Header().Set("Location", "../") // whatever path a proxy serves this below
		w.WriteHeader(http.StatusSeeOther)
	})
	// A viewer that sends or takes nothing is let go: each frame has a deadline of its own.
	s.http = &http.Server{Handler: s, ReadTimeout: patience, WriteTimeout: 2*patience + 2*interval, IdleTimeout: time.Minute, MaxHeaderBytes: 1 << 16}
	go s.http.Serve(listener)
	return s
}

// URL is where a browser finds it, with the token where one is needed.
func (s *Server) URL() string {
	port := s.listener.Addr().(*net.TCPAddr).Port
	host := s.host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, _ = os.Hostname(); host == "" {
			host = "localhost"
		}
	}
	url := "http://" + net.JoinHostPort(host, fmt.Sprint(port)) + "/"
	if s.guarded {
		url += "?token=" + s.token
	}
	return url
}

// Begin says how to end the run that is about to be shown.
func (s *Server) Begin(stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = stop
}

// End says that the run is over, and where its report will be found. The last frame
// stays until the next run begins.
func (s *Server) End(entry reports.Entry, report string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = nil
	entry.Link = "runs/" + fmt.Sprint(len(s.others)+1) + "/report.html"
	s.files[entry.Link] = report
	s.others = append(s.others, entry)
}

// Wants reports whether there is a viewer.
func (s *Server) Wants(reports.Progress) Attention {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.viewers) > 0 || time.Since(s.asked) < patience {
		return Page
	}
	return Nothing
}

// Show sends a view to every viewer; encoding it costs the same for one as
// for a hundred.
func (s *Server) Show(v reports.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view, s.frame, s.shown = v, nil, time.Now()
	close(s.next)
	s.next = make(chan struct{})
	if len(s.viewers) > 0 {
		s.send(s.encoded())
	}
}

// fresh waits, where a run is on that had no viewer for some time,
// until it is shown again.
func (s *Server) fresh(ctx context.Context) {
	s.mu.Lock()
	s.asked = time.Now()
	old, next := s.stop != nil && time.Since(s.shown) > 2*interval, s.next
	s.mu.Unlock()
	if !old {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*interval)
	defer cancel()
	select {
	case <-next:
	case <-ctx.Done(): // better an old one than none
	}
}

// encoded is the latest view as a frame.
func (s *Server) encoded() []byte {
	if s.frame == nil {
		frame, err := reports.Frame(s.view, s.link())
		if err != nil {
			return nil // a page that stands still; the run goes on
		}
		s.frame = fmt.Appendf(nil, "data: %s\n\n", frame) // JSON has no line breaks
	}
	return s.frame
}

func (s *Server) send(frame []byte) {
	for v := range s.viewers {
		select {
		case <-v.frames: // one that it had no time for
		default:
		}
		v.frames <- frame
	}
}

func (s *Server) link() reports.Link {
	// All are relative to the page: a proxy may serve it below a path of its own.
	l := reports.Link{Events: "./events", Token: s.token, Others: s.others}
	if s.stop != nil {
		l.Stop = "./stop"
	}
	return l
}

// Close lets those who look on have the last frame and ends it.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for v := range s.viewers {
		close(v.frames)
	}
	clear(s.viewers)
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		return s.http.Close()
	} else {
		return err
	}
}
