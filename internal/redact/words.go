package redact

import (
	"encoding/json"
	"strings"
)

// Words are the words of a command line without secrets: in --api-key=abc, in --api-key and
// the word after it, in NAME=abc, and in what a shell is to run.
func (s *Secrets) Words(words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		name, value, valued := strings.Cut(word, "=")
		switch {
		case valued && isNameOnly(name) && Named(name) && value != "":
			out[i] = name + "=" + Hidden
		case i > 0 && isSecretFlag(words[i-1]) && !strings.HasPrefix(word, "-"):
			out[i] = Hidden
		case i > 0 && (words[i-1] == "-u" || words[i-1] == "--user") && strings.Contains(word, ":"):
			out[i] = Hidden
		default:
			out[i] = s.Text(word)
		}
	}
	return out
}

func isNameOnly(name string) bool {
	for i := range len(name) {
		if !isName(name[i]) {
			return false
		}
	}
	return true
}

func isSecretFlag(word string) bool {
	return strings.HasPrefix(word, "-") && !strings.Contains(word, "=") && isNameOnly(word) && Named(word)
}

// AddWords makes known what is secret in a command line, so that it is taken out too where the
// command prints it.
func (s *Secrets) AddWords(words []string) {
	for i, word := range words {
		name, value, valued := strings.Cut(word, "=")
		switch {
		case valued && isNameOnly(name) && Named(name):
			s.Add(value)
		case i > 0 && isSecretFlag(words[i-1]) && !strings.HasPrefix(word, "-"):
			s.Add(word)
		case i > 0 && (words[i-1] == "-u" || words[i-1] == "--user"):
			if _, password, _ := strings.Cut(word, ":"); !likely.literal(password) { // 1000:1000 is a user and a group
				s.Add(password)
			}
		case strings.Contains(word, "://"):
			s.AddURL(word)
		}
		if inner := strings.Fields(word); len(inner) > 1 { // what a shell is to run
			for i := range inner {
				inner[i] = strings.Trim(inner[i], `"';`)
			}
			s.AddWords(inner)
		}
	}
}

// AddJSON makes all strings of a value of JSON known that are as long as a secret; nothing of what
// is no JSON.
func (s *Secrets) AddJSON(raw []byte) {
	var value any
	if json.Unmarshal(raw, &value) == nil {
		s.addStrings(value)
	}
}

func (s *Secrets) addStrings(value any) {
	switch value := value.(type) {
	case string:
		if len(value) >= wordsOnly {
			s.Add(value)
		}
	case []any:
		for _, one := range value {
			s.addStrings(one)
		}
	case map[string]any:
		for _, one := range value {
			s.addStrings(one)
		}
	}
}
