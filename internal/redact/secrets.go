package redact

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Secrets are values that must not be shown. A nil one knows none, and still redacts
// by name and form. It may be used from several goroutines.
type Secrets struct {
	mu    sync.RWMutex
	known map[string]bool
	made  *replacers // of known; nil where it has changed since
}

// replacers replace known values in all their forms.
type replacers struct {
	all, own *strings.Replacer // values that are replaced anywhere
	words    []string          // values that are replaced as words, the longest first
	forms    []string          // of all values
}

// Add makes values known. Of one with a scheme before it, as "Bearer abc", both are; of one
// with several lines, as a private key, each is.
func (s *Secrets) Add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, value := range values {
		for _, part := range partsOf(value) {
			if len(part) >= shortest && !s.known[part] {
				s.known[part] = true
				s.made = nil
			}
		}
	}
}

// partsOf are the secrets that a configured value holds.
func partsOf(value string) []string {
	value = strings.TrimSpace(value)
	parts := []string{value}
	if scheme, rest, found := strings.Cut(value, " "); found && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "Token")) {
		parts = append(parts, strings.TrimSpace(rest))
	} else if found && strings.EqualFold(scheme, "Basic") {
		rest = strings.TrimSpace(rest)
		parts = append(parts, rest)
		if login, err := base64.StdEncoding.DecodeString(rest); err == nil {
			_, password, _ := strings.Cut(string(login), ":")
			parts = append(parts, string(login), password)
		}
	}
	if strings.ContainsAny(value, "\r\n") {
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\r' || r == '\n' }) {
			if line = strings.TrimSpace(line); len(line) >= wordsOnly && !strings.HasPrefix(line, "-----") {
				parts = append(parts, line)
			}
		}
	}
	return parts
}

// values replaces what is known; of our own text, only what is no ordinary word.
func (s *Secrets) values(text string, own bool) string {
	if s == nil {
		return text
	}
	r := s.replacers()
	if r == nil {
		return text
	}
	if own {
		return r.own.Replace(text)
	}
	text = r.all.Replace(text)
	for _, word := range r.words {
		text = replaceWord(text, word)
	}
	return text
}

func (s *Secrets) replacers() *replacers {
	s.mu.RLock()
	r, n := s.made, len(s.known)
	s.mu.RUnlock()
	if r != nil || n == 0 {
		return r
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = newReplacers(slices.Collect(maps.Keys(s.known)))
	}
	return s.made
}

func newReplacers(known []string) *replacers {
	var all, own []string
	r := new(replacers)
	for _, value := range known {
		forms := formsOf(value)
		if len(value) < wordsOnly {
			r.words = append(r.words, forms...)
			continue
		}
		all = append(all, forms...)
		if !isWord(value) {
			own = append(own, forms...)
		}
	}
	longer := func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) } // one may hold another
	for _, forms := range [][]string{all, own, r.words} {
		slices.SortFunc(forms, longer)
	}
	r.all, r.own, r.forms = replacer(all), replacer(own), slices.Concat(all, r.words)
	return r
}

func replacer(forms []string) *strings.Replacer {
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, Hidden)
	}
	return strings.NewReplacer(pairs...)
}

// isWord reports whether a value may be a word, or a number, of our own texts.
func isWord(value string) bool {
	letters, digits := true, true
	for _, r := range value {
		letters = letters && (unicode.IsLetter(r) || r == ' ')
		digits = digits && (unicode.IsDigit(r) || r == '.' || r == ',')
	}
	return letters || digits
}

// replaceWord replaces a value where no letter or digit stands beside it. The end of an
// escape, as that of "\n" or "%20", is none.
func replaceWord(text, value string) string {
	var out strings.Builder
	for {
		at := strings.Index(text, value)
		if at < 0 {
			return out.String() + text
		}
		before, after := text[:at], text[at+len(value):]
		out.WriteString(before)
		if next, _ := utf8.DecodeRuneInString(after); endsWord(before) && !isLetter(next) {
			out.WriteString(Hidden)
		} else {
			out.WriteString(value)
		}
		text = after
	}
}

func isLetter(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// endsWord reports whether a word may begin after this text.
func endsWord(text string) bool {
	last, _ := utf8.DecodeLastRuneInString(text)
	if !isLetter(last) {
		return true
	}
	n := len(text)
	return n >= 2 && text[n-2] == '\\' || n >= 3 && text[n-3] == '%' || n >= 6 && text[n-6:n-4] == `\u`
}
