// Package pydantic says what is wrong with a body as pydantic does, which vLLM's front end reads bodies with.
package pydantic

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// A Flaw is what is wrong with one field of a body.
type Flaw struct {
	Kind, Field, Text string
	Value             gjson.Result // the field's, or the body's where it has none
	context           string
}

// Refusal is the parameter and the text of the refusal of a body that is not of the form it should have.
func Refusal(flaws ...Flaw) (param, text string) {
	errors := "errors"
	if len(flaws) == 1 {
		errors = "error"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d validation %s:", len(flaws), errors)
	for _, f := range flaws {
		fmt.Fprintf(&out, "\n  {'type': '%s', 'loc': '%s', 'msg': '%s', 'input': '%s'%s}", f.Kind, located(f.Field), f.Text, shown(f.Value), f.context)
	}
	return located(flaws[0].Field), out.String()
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

// Missing is the flaw of a body without a field.
func Missing(body []byte, field string) Flaw {
	return Flaw{Kind: "missing", Field: field, Text: "Field required", Value: gjson.ParseBytes(body)}
}

// Lacking are the flaws of a body that does not have all members it needs: of the members that bodies of any form have
// there, each that is missing, once for each of its forms.
func Lacking(body []byte, needs []string, forms ...string) (flaws []Flaw) {
	read := gjson.ParseBytes(body)
	missing := func(member string) bool { return !read.Get(member).Exists() }
	if !slices.ContainsFunc(needs, missing) {
		return nil
	}
	for _, member := range forms {
		if missing(member) {
			flaws = append(flaws, Missing(body, member))
		}
	}
	return flaws
}

// Empty is the flaw of a list without an item.
func Empty(body []byte, field string) Flaw {
	return Flaw{Kind: "too_short", Field: field, Text: "List should have at least 1 item after validation, not 0", Value: gjson.GetBytes(body, field),
		context: ", 'ctx': {'field_type': 'List', 'min_length': 1, 'actual_length': 0}"}
}

// HasNegative is the flaw of a list of tokens that has a negative one.
func HasNegative(body []byte, field string) Flaw {
	text := field + " must not contain negative values"
	return Flaw{Kind: "value_error", Field: field, Text: "Value error, " + text, Value: gjson.GetBytes(body, field), context: fmt.Sprintf(", 'ctx': {'error': ValueError('%s')}", text)}
}

// Negative is the flaw of a token id in a list.
func Negative(field string, at, id int) Flaw {
	return Flaw{Kind: "greater_than_equal", Field: fmt.Sprintf("%s.%d", field, at), Text: "Input should be greater than or equal to 0",
		Value: gjson.Parse(fmt.Sprint(id)), context: ", 'ctx': {'ge': 0}"}
}

// Invalid says why a body cannot be read.
func Invalid(body []byte, err error) Flaw {
	if len(body) == 0 {
		return Missing(nil, "")
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
	return Flaw{Kind: "json_invalid", Field: fmt.Sprint(at), Text: "JSON decode error", Value: gjson.Parse("{}"),
		context: fmt.Sprintf(", 'ctx': {'error': '%s'}", says)}
}

// mistyped says which field holds what it cannot.
func mistyped(body []byte, wrong *json.UnmarshalTypeError) Flaw {
	f := Flaw{Field: wrong.Field, Value: gjson.ParseBytes(body)}
	if f.Field == "" {
		f.Kind, f.Text = "model_attributes_type", "Input should be a valid dictionary or object to extract fields from"
		return f
	}
	f.Value = f.Value.Get(f.Field)
	text := wrong.Value == "string"
	switch wrong.Type.Kind() {
	case reflect.Bool:
		f.Kind, f.Text = "bool_type", "Input should be a valid boolean"
		if text {
			f.Kind, f.Text = "bool_parsing", "Input should be a valid boolean, unable to interpret input"
		}
	case reflect.String:
		f.Kind, f.Text = "string_type", "Input should be a valid string"
	case reflect.Slice:
		f.Kind, f.Text = "list_type", "Input should be a valid list"
	case reflect.Struct, reflect.Map:
		f.Kind, f.Text = "model_type", "Input should be a valid dictionary"
	case reflect.Float32, reflect.Float64:
		f.Kind, f.Text = "float_type", "Input should be a valid number"
		if text {
			f.Kind, f.Text = "float_parsing", "Input should be a valid number, unable to parse string as a number"
		}
	default:
		f.Kind, f.Text = "int_type", "Input should be a valid integer"
		if text {
			f.Kind, f.Text = "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
		}
	}
	return f
}
