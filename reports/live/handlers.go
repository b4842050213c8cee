package live

import (
	"bytes"
	"crypto/subtle"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/reports"
)

// ServeHTTP lets in who may come in.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case !s.known(r.Host):
		http.Error(w, "This page is not served under that name.", http.StatusForbidden)
	case r.Header.Get("Origin") != "" && r.Header.Get("Origin") != "http://"+r.Host:
		http.Error(w, "Another site asked for this.", http.StatusForbidden)
	case s.guarded && !s.admitted(w, r):
		http.Error(w, "This page needs its token: open the address that was printed when it began.", http.StatusUnauthorized)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// known reports whether a Host header is one of our names. A site that lets its own
// name point here (DNS rebinding) is none.
func (s *Server) known(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if !s.guarded {
		return loopback(host)
	}
	own, _ := os.Hostname()
	return net.ParseIP(host) != nil || host == s.host || host == own || host == "localhost"
}

const cookie = "vllmspec"

// admitted looks for the token in the URL, which it then keeps in a cookie, or there.
func (s *Server) admitted(w http.ResponseWriter, r *http.Request) bool {
	if s.isToken(r.URL.Query().Get("token")) {
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: s.token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
		return true
	}
	kept, err := r.Cookie(cookie)
	return err == nil && s.isToken(kept.Value)
}

func (s *Server) isToken(given string) bool {
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}

// page is the page as it would be saved just now; frames carry it on.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	s.fresh(r.Context())
	s.mu.Lock()
	view, link := s.view, s.link()
	s.mu.Unlock()
	var out bytes.Buffer
	if err := reports.RenderLive(&out, view, link); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'") // the rest stands in the page
	w.Write(out.Bytes())
}

// events sends frames as they come, as server-sent events. Who takes none for some
// time is dropped, and may come again.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	v := s.join()
	if v == nil {
		http.Error(w, "Too many look on already.", http.StatusServiceUnavailable)
		return
	}
	defer s.leave(v)
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	w.Write([]byte("retry: 1000\n\n"))
	if out.Flush() != nil {
		return
	}
	for {
		select {
		case frame, more := <-v.frames:
			if !more {
				return
			}
			out.SetWriteDeadline(time.Now().Add(patience))
			if _, err := w.Write(frame); err != nil || out.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}

// join lets a viewer follow, beginning with the latest frame; nil where it is full.
func (s *Server) join() *viewer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.viewers) >= viewersMost {
		return nil
	}
	v := &viewer{frames: make(chan []byte, 1)}
	s.viewers[v] = true
	v.frames <- s.encoded()
	return v
}

func (s *Server) leave(v *viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.viewers, v)
}

// stopRun ends the run as Ctrl-C would, but this one only. It wants the token and an
// origin of our own: a link on another site must not do that.
func (s *Server) stopRun(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") == "" || !s.isToken(r.Header.Get("X-Vllmspec-Token")) {
		http.Error(w, "Only the page itself may stop the run.", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	stop := s.stop
	s.mu.Unlock()
	if stop == nil {
		http.Error(w, "No run is on.", http.StatusConflict)
		return
	}
	stop()
	w.WriteHeader(http.StatusAccepted)
}

// report is the saved report of a run that has ended.
func (s *Server) report(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	file := s.files[r.URL.Path]
	s.mu.Unlock()
	text, err := os.ReadFile(file)
	if err != nil {
		http.Error(w, "This report is not there.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text)
}
