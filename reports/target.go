package reports

import (
	"cmp"
	"strings"

	"github.com/vllmspec/vllmspec/harness/servers"
	"github.com/vllmspec/vllmspec/harness/store"
)

// A Target is the server that was measured, as the page, the console and the CI formats name it.
type Target struct {
	Origin         store.Origin
	Kind           string // what it is: "the mock, in virtual time", "the command vllm"
	Where          string // its address, or those of its replicas with commas between, without credentials
	Model, Version string // "" where it was not reached
	Software       servers.Kind
	Hardware       string // that the mock stands for
	Simulated      bool   // it was the mock
	By             string // the other tool that measured it; "" where we did
	Other          *Target
}

// NewTarget is the server that a stored run measured.
func NewTarget(m store.Manifest) Target {
	t := OfServer(m.Server)
	if m.Imported != nil {
		t.By = m.Imported.By
	}
	t.Simulated = t.Simulated || m.Other == nil && m.Simulated()
	if m.Other != nil {
		other := OfServer(*m.Other)
		t.Other = &other
	}
	return t
}

// OfServer is a server as a target.
func OfServer(s store.Server) Target {
	return Target{Origin: s.Origin, Kind: s.Kind, Where: s.URL, Model: s.Model, Version: s.Version, Software: s.Software, Hardware: s.Hardware, Simulated: s.Simulated}
}

// AnySimulated reports whether what was measured rests on the mock.
func (t Target) AnySimulated() bool { return t.Simulated || t.Other != nil && t.Other.Simulated }

// each is the target, and the one that it was compared with.
func (t Target) each() []Target {
	if t.Other == nil {
		return []Target{t}
	}
	return []Target{t, *t.Other}
}

// Server is the server alone: "http://a:8000 and http://b:8000", "the mock, in virtual time".
func (t Target) Server() string {
	where := listed(strings.Split(t.Where, ","))
	switch old := t.Origin == ""; {
	case where != "" && (t.Origin == store.AtURL || old && !t.Simulated):
		return where
	case where == "" || t.Origin == store.OfMock || old:
		return t.Kind
	}
	return t.Kind + " at " + where
}

// Serves is what it serves, and which other tool measured it: "llama-3.1-8b, vLLM 0.32.0". The mock is no
// version of vLLM.
func (t Target) Serves() string {
	var parts []string
	switch {
	case t.Model != "" && t.Hardware != "":
		parts = append(parts, t.Model+" on "+t.Hardware)
	case t.Model != "":
		parts = append(parts, t.Model)
	}
	if named := t.software(); named != "" {
		parts = append(parts, named)
	}
	if t.By != "" {
		parts = append(parts, "measured by "+t.By)
	}
	return strings.Join(parts, ", ")
}

// software is what serves the model, and its version: "SGLang 0.5.6".
func (t Target) software() string {
	switch {
	case t.Simulated, t.Software == "" && t.Version == "":
		return ""
	case t.Software == servers.Unknown && t.Version != "":
		return "version " + t.Version
	}
	kind := cmp.Or(t.Software, servers.VLLM) // an older version knew no other
	return strings.TrimSpace(servers.Of(kind).Name + " " + t.Version)
}

// String is the target in one line: "http://a:8000 (llama-3.1-8b, vLLM 0.32.0)",
// "the mock, in virtual time (llama-3.1-8b on one H100, simulated)", "http://a:8000 (llama-3.1-8b,
// measured by GuideLLM 0.8.1)"; "" where nothing is known.
func (t Target) String() string {
	var about []string
	if serves := t.Serves(); serves != "" {
		about = append(about, serves)
	}
	if t.Simulated {
		about = append(about, "simulated")
	}
	line := t.Server()
	if line != "" && about != nil {
		line += " (" + strings.Join(about, ", ") + ")"
	}
	if t.Other != nil {
		line += ", compared with " + t.Other.String()
	}
	return line
}

// listed is "a, b and c".
func listed(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
