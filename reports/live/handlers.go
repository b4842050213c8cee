package live

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/loopback"
	"github.com/vllmspec/vllmspec/reports"
)

// ServeHTTP lets in who may come in. Where a token is asked for, the name by which we are
// asked does not matter: it would not be enough, and a proxy's or a cluster's cannot be known.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	switch {
	case !s.guarded && !loopback.Is(r.Host):
		http.Error(w, fmt.Sprintf("This page is not served under the name %q: it asks for no token, and so only this machine's own names are answered. Open it as http://localhost:%[2]s/, "+
			"from another machine through ssh -L %[2]s:127.0.0.1:%[2]s MACHINE, or set VLLMSPEC_DASHBOARD=0.0.0.0:%[2]s: under an address of all networks it asks for a token, and any name will do.", r.Host, s.port()), http.StatusForbidden)
	case !s.ours(r):
		http.Error(w, "Another site asked for this. Open the page itself, under the address that was printed when it began.", http.StatusForbidden)
	case s.guarded && !s.admitted(w, r):
		http.Error(w, fmt.Sprintf("This page needs its token: open the address that was printed when it began, with ?token= and all. Without one, this machine reaches it where VLLMSPEC_DASHBOARD=127.0.0.1:%[1]s, "+
			"and another through ssh -L %[1]s:127.0.0.1:%[1]s MACHINE.", s.port()), http.StatusUnauthorized)
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// port is the one that we listen at.
func (s *Server) port() string { return fmt.Sprint(s.listener.Addr().(*net.TCPAddr).Port) }

// ours reports whether a request comes from the page itself, or from no page: its origin is the host
// that was asked, over HTTP or, before a proxy, over HTTPS. A proxy that asks us under another
// name says which name it was asked by; where a token is asked for, that is believed.
func (s *Server) ours(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	from, err := url.Parse(origin)
	if err != nil || from.Scheme != "http" && from.Scheme != "https" {
		return false
	}
	hosts := []string{r.Host}
	if s.guarded {
		hosts = append(hosts, forwarded(r)...)
	}
	return slices.ContainsFunc(hosts, func(host string) bool { return sameHost(from.Scheme, from.Host, host) })
}

// forwarded are the hosts by which a proxy says that it was asked.
func forwarded(r *http.Request) (hosts []string) {
	for _, value := range r.Header.Values("X-Forwarded-Host") {
		for host := range strings.SplitSeq(value, ",") {
			hosts = append(hosts, strings.TrimSpace(host))
		}
	}
	return hosts
}

// sameHost reports whether two hosts are one, with and without the port that a scheme implies.
func sameHost(scheme, a, b string) bool {
	implied := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return strings.EqualFold(strings.TrimSuffix(a, implied), strings.TrimSuffix(b, implied))
}

const cookie = "vllmspec"

// admitted looks for the token in the URL, which it then keeps in a cookie, or there.
func (s *Server) admitted(w http.ResponseWriter, r *http.Request) bool {
	if s.isToken(r.URL.Query().Get("token")) {
		// Without a path: a proxy may serve us below one, which browsers then take.
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: s.token, HttpOnly: true, SameSite: http.SameSiteStrictMode})
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
	w.Header().Set("X-Accel-Buffering", "no") // or nginx, and proxies like it, keep frames to themselves
	out := http.NewResponseController(w)
	out.SetReadDeadline(time.Time{}) // nothing more is read, and who looks on may do so for long
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
		http.Error(w, "Only the page itself may stop the run; press its button, or Ctrl-C where the run was started.", http.StatusForbidden)
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
	file := s.files[strings.TrimPrefix(r.URL.Path, "/")]
	s.mu.Unlock()
	text, err := os.ReadFile(file)
	if err != nil {
		http.Error(w, "This report is not there.", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(text)
}
