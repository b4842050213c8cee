package wire

import (
	"fmt"
	"unsafe"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// IsJSON reports whether a text is JSON that may be parsed. What nests too deep is not: the
// parser recurses.
func IsJSON(text []byte) bool { return !limit.TooDeep(text) && gjson.ValidBytes(text) }

// Nests says of a text that is no JSON for us that it nests too deep; "" where it does not.
func Nests(what string, text []byte) string {
	if !limit.TooDeep(text) {
		return ""
	}
	return fmt.Sprintf("%s nests more than %d deep", what, limit.Depth)
}

// Word is a string of JSON; "" where there is another value, such as an object in place of a
// name.
func Word(v gjson.Result) string {
	if v.Type != gjson.String {
		return ""
	}
	return v.Str
}

// Spoken is a piece of an answer: a string, or the list of parts that some servers make of it.
// Another value is no text, and must not count as a token.
func Spoken(v gjson.Result) string {
	if v.IsArray() && v.Get("#").Int() > 0 {
		return v.Raw
	}
	return Word(v)
}

// Parsed reads JSON. Of a long text, which is not written to again, it makes no copy.
func Parsed(text []byte) gjson.Result {
	if len(text) <= limit.ShortEvent {
		return gjson.ParseBytes(text)
	}
	return gjson.Parse(unsafe.String(&text[0], len(text)))
}
