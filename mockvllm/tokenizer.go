package mockvllm

import (
	"unicode"
	"unicode/utf8"
)

// vocabulary is the number of token ids, that of Llama 3.
const vocabulary = 128_256

// special ids of the chat template.
const (
	beginText = 128_000 + iota
	beginRole
	endRole
	endTurn
)

// tokenize cuts text into pieces: an optional space with up to four letters or
// digits, or one other character. That gives English about four characters a
// token, as byte-pair encodings do, and one answer to "how long is this" for
// the engine, the usage count and /tokenize. The ids are hashes of the pieces.
func tokenize(text string) []int {
	var ids []int
	for len(text) > 0 {
		n := piece(text)
		ids = append(ids, int(fnv(offset, text[:n])%128_000))
		text = text[n:]
	}
	return ids
}

func piece(text string) int {
	n := 0
	if text[0] == ' ' && len(text) > 1 {
		n = 1
	}
	for letters := 0; letters < 4 && n < len(text); letters++ {
		r, size := utf8.DecodeRuneInString(text[n:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if letters == 0 {
				n += size
			}
			break
		}
		n += size
	}
	return n
}

type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

// text is the content as a string; parts of other kinds than text are left out.
func (m message) text() string {
	switch content := m.Content.(type) {
	case string:
		return content
	case []any:
		out := ""
		for _, part := range content {
			if fields, ok := part.(map[string]any); ok {
				if s, ok := fields["text"].(string); ok {
					out += s
				}
			}
		}
		return out
	}
	return ""
}

// tokenizeChat puts the messages into the template of Llama 3: a begin of text,
// each role between markers, each turn ended, and the assistant's role to go on with.
func tokenizeChat(messages []message) []int {
	ids := []int{beginText}
	role := func(name string) {
		ids = append(ids, beginRole)
		ids = append(ids, tokenize(name)...)
		ids = append(ids, endRole)
		ids = append(ids, tokenize("\n\n")...)
	}
	for _, m := range messages {
		role(m.Role)
		ids = append(ids, tokenize(m.text())...)
		ids = append(ids, endTurn)
	}
	role("assistant")
	return ids
}

// FNV-1a, 64 bits.
const (
	offset uint64 = 14695981039346656037
	prime  uint64 = 1099511628211
)

func fnv[T string | []byte](h uint64, data T) uint64 {
	for i := range len(data) {
		h = (h ^ uint64(data[i])) * prime
	}
	return h
}

func fnvInt(h uint64, v int) uint64 {
	for range 4 {
		h = (h ^ uint64(v&0xff)) * prime
		v >>= 8
	}
	return h
}
