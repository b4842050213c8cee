package validity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// Tools are functions that answers call.
type Tools struct {
	Name string // of their file
	Raw  json.RawMessage

	parameters map[string]*jsonschema.Schema // by the function's name
}

// ReadTools reads tools as OpenAI's interface declares them for chats: an array of
// {"type": "function", "function": {"name", "parameters"}}.
func ReadTools(name string, raw []byte) (*Tools, error) {
	var list []struct {
		Type     string `json:"type"`
		Function struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
		} `json:"function"`
	}
	if limit.TooDeep(raw) {
		return nil, fmt.Errorf("%s: it nests too deeply", name)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf(`%s is no list of tools (%w); write [{"type": "function", "function": {"name": "…", "parameters": {…}}}]`, name, where(raw, err))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s declares no tool", name)
	}
	t := &Tools{Name: name, Raw: raw, parameters: map[string]*jsonschema.Schema{}}
	for i, tool := range list {
		function := tool.Function.Name
		switch {
		case tool.Type != "function":
			return nil, fmt.Errorf(`%s: tool %d has the type %q; only "function" is called`, name, i+1, tool.Type)
		case function == "":
			return nil, fmt.Errorf("%s: tool %d has no function.name", name, i+1)
		case t.declares(function):
			return nil, fmt.Errorf("%s: two tools are called %q", name, function)
		}
		schema, err := ofParameters(tool.Function.Parameters)
		if err != nil {
			return nil, fmt.Errorf("%s: the parameters of %q are no JSON Schema: %w", name, function, err)
		}
		t.parameters[function] = schema
	}
	return t, nil
}

func (t *Tools) declares(function string) bool {
	_, declared := t.parameters[function]
	return declared
}

// ofParameters is the schema of a tool's arguments; one without parameters takes any object.
func ofParameters(raw json.RawMessage) (*jsonschema.Schema, error) {
	if raw == nil || string(raw) == "null" {
		raw = json.RawMessage(`{"type": "object"}`)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return compile(document)
}

// Of reads the calls, one after the other: the name of a tool, and arguments in JSON. Text beside them is no mistake; text
// that only looks like a call is none.
func (t *Tools) Of(a harness.Answer) harness.Validity {
	rest := strings.TrimSpace(a.Calls)
	for calls := 0; ; calls++ {
		if rest == "" && calls > 0 {
			return harness.Valid
		}
		after, ok := t.call(rest)
		if !ok {
			return harness.WrongCall
		}
		rest = strings.TrimSpace(after)
	}
}

// call takes one call from the beginning of a text.
func (t *Tools) call(text string) (rest string, ok bool) {
	brace := strings.IndexByte(text, '{')
	if brace < 0 || limit.TooDeep([]byte(text)) {
		return "", false
	}
	schema := t.parameters[strings.TrimSpace(text[:brace])]
	if schema == nil {
		return "", false
	}
	decoder := json.NewDecoder(strings.NewReader(text[brace:]))
	var raw json.RawMessage
	if decoder.Decode(&raw) != nil {
		return "", false
	}
	value, ok := parsed(string(raw))
	return text[brace+int(decoder.InputOffset()):], ok && schema.Validate(value) == nil
}

func (t *Tools) String() string { return fmt.Sprintf("calls the tools of %q", t.Name) }
