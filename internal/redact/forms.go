package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// formsOf are the ways in which a value may be written.
func formsOf(value string) []string {
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), quoted(value), quoted(quoted(value)), ascii(value), html.EscapeString(value), pythonic(value), marked(value)}
	for _, form := range []string{url.QueryEscape(value), url.PathEscape(value)} {
		forms = append(forms, lowerEscapes(form))
	}
	if len(value) >= wordsOnly {
		forms = append(forms, hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))))
		forms = append(forms, inBase64(value)...)
	} else {
		forms = append(forms, base64.RawStdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// inBase64 is what a value looks like within something that was encoded as a whole: the
// characters that depend on the value alone, for each of the three places at which it may begin.
func inBase64(value string) (forms []string) {
	for before := range 3 {
		bytes := append(make([]byte, before), value...)
		first, last := (before*8+5)/6, len(bytes)*8/6
		for _, of := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, of.EncodeToString(bytes)[first:last])
		}
	}
	return append(forms, base64.StdEncoding.EncodeToString([]byte(value)), base64.URLEncoding.EncodeToString([]byte(value)))
}

// quoted is a value within a string of JSON.
func quoted(value string) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return value
	}
	return string(raw[1 : len(raw)-1])
}

// ascii is a value within a string of JSON as Python writes it.
func ascii(value string) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r < 0x20 || r > 0x7e:
			for _, unit := range utf16.Encode([]rune{r}) {
				out.WriteString(`\u` + string([]byte{digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15]}))
			}
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// pythonic is a value within what Python's repr writes.
func pythonic(value string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
}

// marked is a value within Markdown, where it is to stay text.
func marked(value string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(value)
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes is the other way to write %2F.
func lowerEscapes(form string) string { return escape.ReplaceAllStringFunc(form, strings.ToLower) }
