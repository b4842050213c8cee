package openai

import (
	"fmt"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// isJSON reports whether a text is JSON that may be parsed. What nests too deep is not: the
// parser recurses.
func isJSON(text []byte) bool { return !limit.TooDeep(text) && gjson.ValidBytes(text) }

// nests says of a text that is no JSON for us that it nests too deep; "" where it does not.
func nests(what string, text []byte) string {
	if !limit.TooDeep(text) {
		return ""
	}
	return fmt.Sprintf("%s nests more than %d deep", what, limit.Depth)
}

// word is a string of JSON; "" where there is another value, such as an object in place of a
// name.
func word(v gjson.Result) string {
	if v.Type != gjson.String {
		return ""
	}
	return v.Str
}

// spoken is a piece of an answer: a string, or the list of parts that some servers make of it.
// Another value is no text, and must not count as a token.
func spoken(v gjson.Result) string {
	if v.IsArray() && v.Get("#").Int() > 0 {
		return v.Raw
	}
	return word(v)
}

// parsed reads JSON. Of a long text, which is not written to again, it makes no copy.
func parsed(text []byte) gjson.Result {
	if len(text) <= limit.ShortEvent {
		return gjson.ParseBytes(text)
	}
	return gjson.Parse(unsafe.String(&text[0], len(text)))
}
