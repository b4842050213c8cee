package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// What can be nothing but a secret, whatever stands before it.
var (
	schemed = regexp.MustCompile(`(?i)\b(Bearer|Basic)(\s+|%20)([A-Za-z0-9._~+/=-]{6,})`)
	address = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*:(?:\\?/){2}[^\s"'<>` + "`" + `\\]+`)
	issued  = regexp.MustCompile(`\b(?:hf_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|xox[abpors]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|nvapi-[A-Za-z0-9_-]{16,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)`)
	private = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
)

// byForm hides what is a secret by its form.
func byForm(text string) string {
	if strings.Contains(text, "-----BEGIN") {
		text = private.ReplaceAllString(text, Hidden)
	}
	if strings.Contains(text, "//") || strings.Contains(text, `/\/`) {
		text = address.ReplaceAllStringFunc(text, open)
	}
	if !holdsAny(text, "earer", "EARER", "asic", "ASIC") {
		return ofIssuer(text)
	}
	text = schemed.ReplaceAllStringFunc(text, func(found string) string {
		parts := schemed.FindStringSubmatch(found)
		if isSentence(parts[3]) {
			return found
		}
		return parts[1] + parts[2] + Hidden
	})
	return ofIssuer(text)
}

// ofIssuer hides tokens by what their issuers have them begin with.
func ofIssuer(text string) string {
	if !holdsAny(text, "hf_", "sk-", "gh", "glpat-", "xox", "AKIA", "ASIA", "AIza", "ya29.", "nvapi-", "eyJ") {
		return text
	}
	return issued.ReplaceAllString(text, Hidden)
}

// holdsAny is much cheaper than an expression, and most texts hold nothing.
func holdsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// isSentence reports whether what follows "Bearer" is the next word of a sentence.
func isSentence(word string) bool {
	return strings.HasSuffix(word, "=") && !strings.HasSuffix(word, "==") && len(word) < 12 || strings.IndexFunc(word, func(r rune) bool { return !unicode.IsLower(r) && r != '.' && r != '-' }) < 0
}

// open is an address within a text without its user, its password and the values of its query.
// What stands around it stays as it is.
func open(found string) string {
	scheme, rest, _ := strings.Cut(found, ":")
	slashes := rest[:strings.LastIndex(rest[:min(len(rest), 4)], "/")+1]
	rest = rest[len(slashes):]
	authority, path := rest, ""
	if at := strings.LastIndex(rest, "@"); at >= 0 && !strings.Contains(rest[:at], "?") && (strings.Contains(rest[:at], ":") || !strings.Contains(rest[:at], "/")) {
		authority = rest[at+1:]
	}
	authority, query, queried := strings.Cut(authority, "?")
	if queried {
		fragment := strings.IndexByte(query, '#')
		if fragment >= 0 {
			query = query[:fragment]
		}
		end := len(strings.TrimRight(query, ").,;:]}"))
		path = hiddenValues(query[:end]) + query[end:]
	}
	return scheme + ":" + slashes + authority + path
}
