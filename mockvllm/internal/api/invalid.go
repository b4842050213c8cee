package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// A flaw is what is wrong with one field of a body, in the terms of pydantic,
// which vLLM's front end reads bodies with.
type flaw struct {
	kind, field, text string
	value             gjson.Result // the field's, or the body's where it has none
	context           string
}

// flawed is the refusal of a body that is not of the form it should have.
func flawed(flaws ...flaw) *apiError {
	errors := "errors"
	if len(flaws) == 1 {
		errors = "error"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d validation %s:", len(flaws), errors)
	for _, f := range flaws {
		fmt.Fprintf(&out, "\n  {'type': '%s', 'loc': '%s', 'msg': '%s', 'input': '%s'%s}", f.kind, located(f.field), f.text, shown(f.value), f.context)
	}
	return &apiError{status: http.StatusBadRequest, kind: "Bad Request", param: located(flaws[0].field), text: out.String()}
}

func located(field string) string { return strings.TrimSuffix("body."+field, ".") }

// shown is a value as the messages show it: a list or an object by its size only.
func shown(v gjson.Result) string {
	switch {
	case v.IsArray():
		return fmt.Sprintf("<list of %d items>", len(v.Array()))
	case v.IsObject():
		return fmt.Sprintf("<dict of %d items>", len(v.Map()))
	case !v.Exists(), v.Type == gjson.Null:
		return "None"
	case v.Type == gjson.True:
		return "True"
	case v.Type == gjson.False:
		return "False"
	}
	return v.String()
}

// missing is the flaw of a body without a field.
func missing(body []byte, field string) flaw {
	return flaw{kind: "missing", field: field, text: "Field required", value: gjson.ParseBytes(body)}
}

// negative is the flaw of a token id in a list.
func negative(field string, at int, id tokenizer.Token) flaw {
	return flaw{kind: "greater_than_equal", field: fmt.Sprintf("%s.%d", field, at), text: "Input should be greater than or equal to 0",
		value: gjson.Parse(fmt.Sprint(id)), context: ", 'ctx': {'ge': 0}"}
}

// invalid says why a body cannot be read.
func invalid(body []byte, err error) *apiError {
	if len(body) == 0 {
		return flawed(missing(nil, ""))
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return mistyped(body, wrong)
	}
	at, says := len(body), "Expecting value"
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && !strings.HasPrefix(err.Error(), "unexpected end") {
		at, says = int(syntax.Offset)-1, err.Error()
	}
	return flawed(flaw{kind: "json_invalid", field: fmt.Sprint(at), text: "JSON decode error", value: gjson.Parse("{}"),
		context: fmt.Sprintf(", 'ctx': {'error': '%s'}", says)})
}

// mistyped says which field holds what it cannot.
func mistyped(body []byte, wrong *json.UnmarshalTypeError) *apiError {
	f := flaw{field: wrong.Field, value: gjson.ParseBytes(body)}
	if f.field == "" {
		f.kind, f.text = "model_attributes_type", "Input should be a valid dictionary or object to extract fields from"
		return flawed(f)
	}
	f.value = f.value.Get(f.field)
	text := wrong.Value == "string"
	switch wrong.Type.Kind() {
	case reflect.Bool:
		f.kind, f.text = "bool_type", "Input should be a valid boolean"
		if text {
			f.kind, f.text = "bool_parsing", "Input should be a valid boolean, unable to interpret input"
		}
	case reflect.String:
		f.kind, f.text = "string_type", "Input should be a valid string"
	case reflect.Slice:
		f.kind, f.text = "list_type", "Input should be a valid list"
	case reflect.Struct, reflect.Map:
		f.kind, f.text = "model_type", "Input should be a valid dictionary"
	case reflect.Float32, reflect.Float64:
		f.kind, f.text = "float_type", "Input should be a valid number"
		if text {
			f.kind, f.text = "float_parsing", "Input should be a valid number, unable to parse string as a number"
		}
	default:
		f.kind, f.text = "int_type", "Input should be a valid integer"
		if text {
			f.kind, f.text = "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
		}
	}
	return flawed(f)
}
