package redact

import (
	"slices"
	"strings"
	"unicode"
)

// A kind of name says how surely a value with it is a secret.
type kind int

const (
	ordinary kind = iota
	likely        // "token", "key": of these numbers and truth values are none
	certain       // "password": whatever its value is
)

// Named reports whether a value with this name is a secret: hf_token, apiKey, --api-key,
// AWS_SECRET_ACCESS_KEY. Counts of tokens, and tokens of a vocabulary, have other names.
func Named(name string) bool { return kindOf(name) != ordinary }

// Value is a value that has a name, such as a label: hidden where the name is a secret's, unless
// it says nothing, or is a number behind a name like kv_cache_size_tokens.
func Value(name, value string) string {
	if k := kindOf(name); k != ordinary && !k.literal(value) {
		return Hidden
	}
	return value
}

func kindOf(name string) kind {
	words := wordsOf(name)
	glued := strings.Join(words, "")
	if len(words) == 0 || slices.Contains([]string{"file", "path", "dir", "folder", "command", "helper"}, words[len(words)-1]) {
		return ordinary // it says where one is
	}
	for _, sure := range []string{"password", "passwd", "passphrase", "passcode", "secret", "credential", "authorization", "apikey", "accesskey", "privatekey", "cookie", "bearer"} {
		if strings.Contains(glued, sure) {
			return certain
		}
	}
	if slices.Contains(words, "pwd") || slices.Contains(words, "pass") || slices.Contains(words, "jwt") {
		return certain
	}
	if tokens(words) || keys(words) || slices.Contains([]string{"auth", "signature", "sig", "pat"}, words[len(words)-1]) {
		return likely
	}
	return ordinary
}

// tokens reports whether a name is that of a token which gives access to something.
func tokens(words []string) bool {
	for i, word := range words {
		if !strings.Contains(word, "token") || strings.Contains(word, "tokeniz") {
			continue
		}
		if i > 0 && slices.Contains([]string{"bos", "eos", "pad", "unk", "sep", "cls", "mask", "stop", "special", "image", "video", "audio", "max", "min", "num", "per",
			"prompt", "completion", "output", "input", "cached", "reasoning", "total", "batched", "mm", "added", "draft", "next", "first", "last", "time", "speculative", "lookahead"}, words[i-1]) {
			continue
		}
		if i+1 < len(words) && slices.Contains([]string{"id", "ids", "count", "counts", "type", "limit", "budget", "threshold", "healing", "length", "per", "parallel", "details", "index", "logprobs", "throughput"}, words[i+1]) {
			continue
		}
		return true
	}
	return false
}

// keys reports whether a name is that of a key which gives access to something.
func keys(words []string) bool {
	for i, word := range words {
		if !strings.HasSuffix(word, "key") && !strings.HasSuffix(word, "keys") || slices.Contains([]string{"monkey", "turkey", "donkey", "hotkey", "pubkey"}, strings.TrimSuffix(word, "s")) {
			continue
		}
		if i > 0 && slices.Contains([]string{"public", "primary", "foreign", "cache", "sort", "partition"}, words[i-1]) {
			continue
		}
		if i+1 < len(words) && slices.Contains([]string{"value", "values", "dtype", "cache", "projection", "error"}, words[i+1]) {
			continue
		}
		return true
	}
	return false
}

// wordsOf are the words of a name, in lower case: of hf_token, hf-token and hfToken two.
func wordsOf(name string) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && unicode.IsLower(runes[i-1]),
			unicode.IsUpper(r) && i > 0 && i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}

// literal reports whether a value says nothing, or nothing that could be a secret.
func (k kind) literal(value string) bool {
	switch strings.ToLower(value) {
	case "", "none", "null", "nil", "true", "false", "undefined", Hidden, "str", "string":
		return true
	}
	if strings.Trim(value, "*") == "" {
		return true
	}
	return k == likely && strings.IndexFunc(value, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' && r != '-' && r != '+' }) < 0
}
