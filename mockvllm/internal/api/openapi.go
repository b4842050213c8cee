package api

import (
	"net/http"
	"strings"
)

// route has a method of a path answered, and tells of it.
func (s *Handler) route(pattern string, handle http.HandlerFunc) {
	s.mux.HandleFunc(pattern, handle)
	method, path, has := strings.Cut(pattern, " ")
	if !has || strings.HasPrefix(path, "/admin") {
		return // vLLM has no such thing
	}
	if s.paths[path] == nil {
		s.paths[path] = map[string]any{}
	}
	s.paths[path][strings.ToLower(method)] = map[string]any{"responses": map[string]any{"200": map[string]any{"description": "Successful Response"}}}
}

// describe tells which paths there are, as the framework below vLLM does.
func (s *Handler) describe(w http.ResponseWriter, _ *http.Request) {
	reply(w, map[string]any{"openapi": "3.1.0", "info": map[string]any{"title": "FastAPI", "version": "0.1.0"}, "paths": s.paths})
}
