package redact

import (
	"strings"
	"unicode"
)

// byName hides values that stand behind names of secrets, in the ways in which programs
// print them: name=value, name: value, "name": "value", 'name': 'value', also where
// quotes are escaped because all of it stands in another string, and --name value.
func byName(text string) string {
	if !strings.ContainsAny(text, "=:-") {
		return text
	}
	var out strings.Builder
	done := 0
	for at := 0; at < len(text); at++ {
		from, to := 0, 0
		switch text[at] {
		case '=', ':':
			from, to = assigned(text, done, at)
		case '-':
			from, to = flagged(text, at)
		}
		if to > from && from >= done {
			out.WriteString(text[done:from])
			out.WriteString(Hidden)
			done, at = to, to-1
		}
	}
	return out.String() + text[done:]
}

// assigned is the secret behind a sign that stands between a name and a value; nothing where
// there is none.
func assigned(text string, done, sign int) (from, to int) {
	name, inQuotes := nameBefore(text[done:sign])
	kind := kindOf(name)
	if kind == ordinary {
		return 0, 0
	}
	at := sign + 1
	if at < len(text) && (text[at] == '>' || text[at] == '=') {
		at++
	}
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	if whole := strings.ToLower(strings.Join(wordsOf(name), "")); !inQuotes && (strings.HasSuffix(whole, "authorization") || strings.HasSuffix(whole, "cookie")) {
		return at, at + lineEnd(text[at:]) // a header, of several words
	}
	from, to, bare := valueAt(text, at)
	value := text[from:to]
	if kind.literal(value) {
		return 0, 0
	}
	if bare && text[sign] == ':' && !inQuotes && !kind.plain(name, value, at > sign+1) {
		return 0, 0
	}
	return from, to
}

// plain reports whether a bare value behind a colon is one, and not a sentence that goes
// on: "token: a comma is missing".
func (k kind) plain(name, value string, spaced bool) bool {
	if k == likely && spaced && isField(value) {
		return false // "Unexpected key: max_completion_tokens"
	}
	if k == certain || !spaced || len(wordsOf(name)) > 1 {
		return true
	}
	letters, others := false, false
	for _, r := range value {
		letters = letters || unicode.IsLetter(r)
		others = others || !unicode.IsLower(r)
	}
	return len(value) >= wordsOnly && (letters && others || len(value) >= 20)
}

// isField reports whether a value is words of small letters with underscores between them, as
// names of fields are.
func isField(value string) bool {
	words := strings.Split(value, "_")
	for _, word := range words {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return len(words) > 1
}

// nameBefore is the name at the end of a text, and whether it stands in quotes.
func nameBefore(text string) (name string, inQuotes bool) {
	text = strings.TrimRight(text, " \t")
	text = strings.TrimSuffix(text, "]") // os.environ["NAME"]
	bare := strings.TrimRight(text, `\"'`)
	inQuotes = len(bare) < len(text)
	at := len(bare)
	for at > 0 && isName(bare[at-1]) {
		at--
	}
	return bare[at:], inQuotes
}

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// flagged is the secret behind a flag that begins here, "--api-key abc"; nothing where there
// is none.
func flagged(text string, at int) (from, to int) {
	if !strings.HasPrefix(text[at:], "--") || at > 0 && (isName(text[at-1])) {
		return 0, 0
	}
	end := at + 2
	for end < len(text) && isName(text[end]) {
		end++
	}
	kind := kindOf(text[at+2 : end])
	from = end
	for from < len(text) && strings.IndexByte("\"'\\", text[from]) >= 0 { // ["--api-key", "abc"]
		from++
	}
	for from < len(text) && strings.IndexByte(" \t,", text[from]) >= 0 {
		from++
	}
	if kind == ordinary || from == end || from < len(text) && text[from] == '-' {
		return 0, 0
	}
	from, to, _ = valueAt(text, from)
	if kind.literal(text[from:to]) {
		return 0, 0
	}
	return from, to
}

// valueAt is the value that begins here: within quotes, within brackets, or bare.
func valueAt(text string, at int) (from, to int, bare bool) {
	start := at
	for start < len(text) && (isName(text[start]) || text[start] == '(') { // SecretStr('abc'), b'abc'
		start++
	}
	quote := start
	for quote < len(text) && text[quote] == '\\' {
		quote++
	}
	switch {
	case quote < len(text) && (text[quote] == '"' || text[quote] == '\''):
		from = quote + 1
		return from, from + closing(text[from:], text[quote], quote-start), false
	case at < len(text) && (text[at] == '[' || text[at] == '{'):
		return at + 1, at + 1 + bracketed(text[at+1:]), false
	}
	to = at
	for to < len(text) && strings.IndexByte(" \t\r\n,;&)}]\"'<>|\\`", text[to]) < 0 {
		to++
	}
	return at, to, true
}

// closing is how long a value is that began with a quote behind so many backslashes. One
// that was cut goes on to the end.
func closing(text string, quote byte, slashes int) int {
	run := 0
	for i := range len(text) {
		switch {
		case text[i] == '\\':
			run++
			continue
		case text[i] == quote && slashes == 0 && run%2 == 0:
			return i
		case text[i] == quote && slashes > 0 && run <= slashes:
			return i - run
		}
		run = 0
	}
	return len(text)
}

// bracketed is how long what stands within brackets is, up to those that close it.
func bracketed(text string) int {
	depth := 1
	for i := range len(text) {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// lineEnd is how long the rest of a line is, or of the quotes in which it stands.
func lineEnd(text string) int {
	if end := strings.IndexAny(text, "\r\n\"'\\"); end >= 0 {
		return end
	}
	return len(text)
}
