package server

import (
	"errors"
	"fmt"
	"strings"
)

// Words splits a line as a shell does, quotes and backslashes included, and does
// nothing else that a shell would: no variables, no patterns, no pipes.
func Words(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune // 0: outside
	inWord, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\"\\$`\n", r) {
				word.WriteRune('\\') // inside these quotes it escapes nothing else
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if inWord {
				words, inWord = append(words, word.String()), false
				word.Reset()
			}
		case strings.ContainsRune("|&;<>`", r):
			return nil, fmt.Errorf("%q means something to a shell, and there is none here; quote it, or put it into a script", r)
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	case escaped:
		return nil, errors.New("nothing follows the last backslash")
	case inWord:
		words = append(words, word.String())
	}
	return words, nil
}

// valueOf is what a flag is given in words, "--port 8000" or "--port=8000", or "".
func valueOf(words []string, flag string) string {
	for i, word := range words {
		if word == flag && i+1 < len(words) {
			return words[i+1]
		}
		if value, ok := strings.CutPrefix(word, flag+"="); ok {
			return value
		}
	}
	return ""
}
