package openai

import (
	_ "embed"
	"strings"
)

// candidates are words that most vocabularies have as one token each.
//
//go:embed words.txt
var candidates string

// Words are some that most vocabularies have as one token each, where they follow another word.
func Words() []string { return strings.Fields(candidates) }
