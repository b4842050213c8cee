package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/hash"
)

// An Adapter is a LoRA adapter of the model, asked for by its name.
type Adapter struct{ Name, Path string }

// adapters are those that are loaded.
type adapters struct {
	sync.Mutex
	list []Adapter
}

// adapter is the adapter that a model's name asks for; "" for the model itself.
func (s *Handler) adapter(model string) (string, *apiError) {
	if model == "" || slices.Contains(s.config.Names, model) {
		return "", nil
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	if s.adapters.at(model) < 0 {
		return "", &apiError{status: http.StatusNotFound, kind: "NotFoundError", param: "model", text: fmt.Sprintf("The model `%s` does not exist. Valid aliases: %s.", model, strings.Join(s.config.Names, ", "))}
	}
	return model, nil
}

// at is where an adapter stands in the list; -1: it is not loaded.
func (a *adapters) at(name string) int {
	return slices.IndexFunc(a.list, func(a Adapter) bool { return a.Name == name })
}

// models lists the names of the model, and the adapters.
func (s *Handler) models(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(Header, Version)
	now := time.Now().Unix()
	var cards []any
	card := func(name, root string, parent, length any) {
		c := map[string]any{"id": name, "object": "model", "created": now, "owned_by": "vllm", "root": root, "parent": parent, "max_model_len": length}
		if s.config.Rust {
			c["owned_by"] = "vllm-frontend-rs"
		} else {
			c["permission"] = []any{map[string]any{"id": "modelperm-" + hex(hash.FNV(hash.Offset, name)), "object": "model_permission", "created": now,
				"allow_create_engine": false, "allow_sampling": true, "allow_logprobs": true, "allow_search_indices": false, "allow_view": true,
				"allow_fine_tuning": false, "organization": "*", "group": nil, "is_blocking": false}}
		}
		cards = append(cards, c)
	}
	for _, name := range s.config.Names {
		card(name, s.config.Root, nil, s.config.MaxModelLen)
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	for _, a := range s.adapters.list {
		card(a.Name, a.Path, s.config.Names[0], nil)
	}
	reply(w, map[string]any{"object": "list", "data": cards})
}

// change reads a request that loads an adapter or takes one away.
func (s *Handler) change(w http.ResponseWriter, r *http.Request, needsPath bool) (a Adapter, ok bool) {
	var body struct {
		Name string `json:"lora_name"`
		Path string `json:"lora_path"`
	}
	if _, ok := s.read(w, r, &body); !ok {
		return a, false
	}
	if body.Name == "" || needsPath && body.Path == "" {
		s.fail(w, &apiError{status: http.StatusBadRequest, kind: "InvalidUserInput", text: "lora_name must be given, and lora_path to load one."})
		return a, false
	}
	return Adapter(body), true
}

func (s *Handler) loadAdapter(w http.ResponseWriter, r *http.Request) {
	a, ok := s.change(w, r, true)
	if !ok {
		return
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	if s.adapters.at(a.Name) >= 0 || slices.Contains(s.config.Names, a.Name) {
		s.fail(w, &apiError{status: http.StatusBadRequest, kind: "InvalidUserInput", text: fmt.Sprintf("The adapter '%s' is loaded already.", a.Name)})
		return
	}
	s.adapters.list = append(s.adapters.list, a)
	fmt.Fprintf(w, "Success: LoRA adapter '%s' added successfully.", a.Name)
}

func (s *Handler) unloadAdapter(w http.ResponseWriter, r *http.Request) {
	a, ok := s.change(w, r, false)
	if !ok {
		return
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	i := s.adapters.at(a.Name)
	if i < 0 {
		s.fail(w, &apiError{status: http.StatusNotFound, kind: "NotFoundError", text: fmt.Sprintf("The adapter '%s' cannot be found.", a.Name)})
		return
	}
	s.adapters.list = slices.Delete(s.adapters.list, i, i+1)
	fmt.Fprintf(w, "Success: LoRA adapter '%s' removed successfully.", a.Name)
}
