package mockvllm

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// adapter is the adapter that a model's name asks for; "" for the model itself.
func (s *Server) adapter(model string) (string, *refusal) {
	if model == "" || slices.Contains(s.config.Names, model) {
		return "", nil
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	if s.adapterAt(model) < 0 {
		return "", &refusal{status: http.StatusNotFound, kind: "NotFoundError", param: "model", text: fmt.Sprintf("The model `%s` does not exist. Valid aliases: %s.", model, strings.Join(s.config.Names, ", "))}
	}
	return model, nil
}

func (s *Server) adapterAt(name string) int {
	return slices.IndexFunc(s.adapters.list, func(a Adapter) bool { return a.Name == name })
}

// models lists the names of the model, and the adapters.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	now := time.Now().Unix()
	var cards []any
	card := func(name, root string, parent, length any) {
		c := map[string]any{"id": name, "object": "model", "created": now, "owned_by": "vllm", "root": root, "parent": parent, "max_model_len": length}
		if s.config.Dialect == Rust {
			c["owned_by"] = "vllm-frontend-rs"
		} else {
			c["permission"] = []any{map[string]any{"id": "modelperm-" + hex(fnv(offset, name)), "object": "model_permission", "created": now,
				"allow_create_engine": false, "allow_sampling": true, "allow_logprobs": true, "allow_search_indices": false, "allow_view": true,
				"allow_fine_tuning": false, "organization": "*", "group": nil, "is_blocking": false}}
		}
		cards = append(cards, c)
	}
	for _, name := range s.config.Names {
		card(name, s.config.Root, nil, s.config.Profile.MaxModelLen)
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	for _, a := range s.adapters.list {
		card(a.Name, a.Path, s.config.Names[0], nil)
	}
	reply(w, map[string]any{"object": "list", "data": cards})
}

// change reads a request that loads an adapter or takes one away.
func (s *Server) change(w http.ResponseWriter, r *http.Request, needsPath bool) (a Adapter, ok bool) {
	var body struct {
		Name string `json:"lora_name"`
		Path string `json:"lora_path"`
	}
	if _, ok := s.read(w, r, &body); !ok {
		return a, false
	}
	if body.Name == "" || needsPath && body.Path == "" {
		s.fail(w, &refusal{status: http.StatusBadRequest, kind: "InvalidUserInput", text: "lora_name must be given, and lora_path to load one."})
		return a, false
	}
	return Adapter(body), true
}

func (s *Server) loadAdapter(w http.ResponseWriter, r *http.Request) {
	a, ok := s.change(w, r, true)
	if !ok {
		return
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	if s.adapterAt(a.Name) >= 0 || slices.Contains(s.config.Names, a.Name) {
		s.fail(w, &refusal{status: http.StatusBadRequest, kind: "InvalidUserInput", text: fmt.Sprintf("The adapter '%s' is loaded already.", a.Name)})
		return
	}
	s.adapters.list = append(s.adapters.list, a)
	fmt.Fprintf(w, "Success: LoRA adapter '%s' added successfully.", a.Name)
}

func (s *Server) unloadAdapter(w http.ResponseWriter, r *http.Request) {
	a, ok := s.change(w, r, false)
	if !ok {
		return
	}
	s.adapters.Lock()
	defer s.adapters.Unlock()
	i := s.adapterAt(a.Name)
	if i < 0 {
		s.fail(w, &refusal{status: http.StatusNotFound, kind: "NotFoundError", text: fmt.Sprintf("The adapter '%s' cannot be found.", a.Name)})
		return
	}
	s.adapters.list = slices.Delete(s.adapters.list, i, i+1)
	fmt.Fprintf(w, "Success: LoRA adapter '%s' removed successfully.", a.Name)
}
