package sentence

import (
	"regexp"
	"slices"
	"strings"
)

// A rewriting turns what people type into what the vocabulary has.
type rewriting struct {
	typed *regexp.Regexp
	to    string
}

// The units and words that people type in sentences. What an argument says, 1k or 300ms, is for who reads the argument.
func rewritings() []rewriting {
	as := func(typed, to string) rewriting { return rewriting{regexp.MustCompile(`(?i)` + typed), to} }
	return []rewriting{
		as(`\+/?-`, "±"),
		as(`(\d) ?(?:%|percent\b|per cent\b)`, "$1%"),
		as(`(\d[kM]?) ?(?:(?:requests?|reqs?) ?/ ?(?:second|sec|s)|(?:requests?|reqs?) (?:per|a) (?:second|sec|s)|rps|qps|hz|/ ?(?:second|sec|s)|per (?:sec|s))\b`, "$1 per second"),
		as(`(\d[kM]?) ?(?:tokens?|toks?)\b`, "$1 tokens"),
		as(`(\d[kM]?) ?(?:requests?|reqs?)\b`, "$1 requests"),
		as(`(\d[kM]?) (user|turn|group|sequence|block)\b`, "$1 ${2}s"),
		as(`(\d)x\b`, "$1 times"),
	}
}

// rates are the two ways in which the vocabulary says a rate.
var requestsPerSecond, perSecond = regexp.MustCompile(`\brequests per second\b`), regexp.MustCompile(`([\d.,]+[kM]?) per second\b`)

// rewritten is a text with units and words as the vocabulary has them.
func rewritten(text string) string {
	return outsideQuotes(strings.TrimSuffix(strings.Join(strings.Fields(text), " "), "."), func(part string) string {
		for _, r := range rewritings() {
			part = r.typed.ReplaceAllString(part, r.to)
		}
		return part
	})
}

// candidates are the sentences that a text may stand for where no entry reads it as it stands: with units and words as the
// vocabulary has them, and in small letters. What stands in quotes stays as it is.
func candidates(text string) (all []string) {
	add := func(of string) {
		for _, end := range []string{of, strings.TrimSuffix(of, ":"), of + ":"} {
			if !slices.Contains(all, end) {
				all = append(all, end)
			}
		}
	}
	plain := rewritten(text)
	add(strings.Join(strings.Fields(text), " "))
	add(plain)
	add(outsideQuotes(plain, func(part string) string { return perSecond.ReplaceAllString(part, "$1 requests per second") }))
	add(outsideQuotes(plain, func(part string) string { return requestsPerSecond.ReplaceAllString(part, "per second") }))
	for _, small := range slices.Clone(all) {
		add(outsideQuotes(small, lowerWords))
	}
	return all
}

// outsideQuotes changes what does not stand in quotes.
func outsideQuotes(text string, change func(string) string) string {
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 {
		parts[i] = change(parts[i])
	}
	return strings.Join(parts, `"`)
}

var words = regexp.MustCompile(`[\pL\d.,%-]+`)

// lowerWords writes words in small letters, but not those with a digit: 2M is no 2m.
func lowerWords(text string) string {
	return words.ReplaceAllStringFunc(text, func(word string) string {
		if strings.ContainsAny(word, "0123456789") {
			return word
		}
		return strings.ToLower(word)
	})
}
