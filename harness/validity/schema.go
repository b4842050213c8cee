package validity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/internal/limit"
)

// A Schema is a JSON Schema that answers follow (json-schema.org, drafts 4 to 2020-12; without $schema the last).
type Schema struct {
	Name string // of its file
	Raw  json.RawMessage

	compiled *jsonschema.Schema
}

// ReadSchema reads a schema. Nothing is loaded from elsewhere: a $ref leads to a place in the same file.
func ReadSchema(name string, raw []byte) (*Schema, error) {
	if limit.TooDeep(raw) {
		return nil, fmt.Errorf("%s: it nests too deeply", name)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("%s is no JSON: %w", name, where(raw, err))
	}
	if _, ok := document.(map[string]any); !ok {
		return nil, fmt.Errorf(`%s is no schema for answers; write an object, such as {"type": "object", "properties": {…}, "required": […]}`, name)
	}
	compiled, err := compile(document)
	if err != nil {
		return nil, fmt.Errorf("%s is no JSON Schema: %w", name, err)
	}
	return &Schema{Name: name, Raw: raw, compiled: compiled}, nil
}

// self is the address that a schema stands under while it is compiled.
const self = "schema:/"

func compile(document any) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(nothing{})
	if err := c.AddResource(self, document); err != nil {
		return nil, plainly(err)
	}
	compiled, err := c.Compile(self)
	return compiled, plainly(err)
}

// nothing loads no schema from anywhere.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("$ref %q leads out of the file; copy what it names to $defs", strings.TrimLeft(strings.TrimPrefix(url, self), "/"))
}

// plainly is an error of the library without the address that only we know.
func plainly(err error) error {
	if err == nil {
		return nil
	}
	if unmet, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = unmet.Err
	}
	if elsewhere, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		err = elsewhere.Err
	}
	return errors.New(strings.ReplaceAll(strings.ReplaceAll(err.Error(), "'"+self+"#'", "its root"), self+"#", ""))
}

// where names the line of a mistake in JSON.
func where(raw []byte, err error) error {
	var syntax *json.SyntaxError
	if json.Unmarshal(raw, new(any)) == nil || !errors.As(json.Unmarshal(raw, new(any)), &syntax) {
		return err
	}
	before := raw[:min(int(syntax.Offset), len(raw))]
	return fmt.Errorf("line %d: %w", 1+bytes.Count(before, []byte("\n")), syntax)
}

// Of parses the answer and holds it against the schema.
func (s *Schema) Of(a harness.Answer) harness.Validity {
	value, ok := parsed(a.Text)
	switch {
	case !ok:
		return harness.NotJSON
	case s.compiled.Validate(value) != nil:
		return harness.OffSchema
	}
	return harness.Valid
}

func parsed(text string) (value any, ok bool) {
	if limit.TooDeep([]byte(text)) {
		return nil, false
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	return value, err == nil
}

func (s *Schema) String() string { return fmt.Sprintf("follows the schema %q", s.Name) }
