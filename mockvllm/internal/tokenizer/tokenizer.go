// Package tokenizer turns text into the tokens of Llama 3 and back, and puts the
// messages of a chat into its template.
package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// Vocabulary is the number of token ids, that of Llama 3. Its first 100,256 are
// those of cl100k, a byte-pair encoding that Llama 3's extends by pieces for
// languages other than English ("The Llama 3 Herd of Models", 2024, section
// 3.2); both cut text into words in the same way before they merge.
const Vocabulary = 128_256

// A Token is an id of the vocabulary. There are many of them: a run of ten
// thousand long prompts keeps hundreds of millions.
type Token = int32

// Special ids of the chat template.
const (
	BeginText Token = 128_000 + iota
	beginRole
	endRole
	EndTurn
)

var specialNames = [...]string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}

// encoding unpacks the embedded vocabulary once, when it is first needed.
var encoding = sync.OnceValue(codec.NewCl100kBase)

// Encode is the one answer to "how long is this text", for the engine, the
// usage count and /tokenize.
func Encode(text string) []Token {
	ids, _ := EncodePieces(text)
	return ids
}

// EncodePieces also returns the pieces of text that the tokens stand for.
func EncodePieces(text string) ([]Token, []string) {
	raw, pieces, err := encoding().Encode(text)
	if err != nil {
		panic(err) // it fails on a time limit only, and has none
	}
	ids := make([]Token, len(raw))
	for i, id := range raw {
		ids[i] = Token(id)
	}
	return ids, pieces
}

// Decode is the text that tokens stand for.
func Decode(ids []Token) string {
	var out strings.Builder
	for _, id := range ids {
		piece, err := encoding().Decode([]uint{uint(id)})
		switch {
		case err == nil:
			out.WriteString(piece)
		case id >= BeginText && int(id-BeginText) < len(specialNames):
			out.WriteString(specialNames[id-BeginText])
		default:
			fmt.Fprintf(&out, "<|reserved_special_token_%d|>", id)
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

// A Message is one turn of a chat, as its JSON has it.
type Message struct {
	Role      string          `json:"role"`
	Content   any             `json:"content"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Media     []Token         `json:"-"` // what its images and the like became
}

// Text is the content as a string; parts of other kinds than text are left out.
func (m Message) Text() string {
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

// EncodeChat puts the messages into the template of Llama 3: a begin of text,
// each role between markers, each turn ended, and the assistant's role to go on with.
func EncodeChat(messages []Message) []Token {
	ids := []Token{BeginText}
	role := func(name string) {
		ids = append(ids, beginRole)
		ids = append(ids, Encode(name)...)
		ids = append(ids, endRole)
		ids = append(ids, Encode("\n\n")...)
	}
	for _, m := range messages {
		role(m.Role)
		ids = append(ids, m.Media...)
		ids = append(ids, Encode(m.Text())...)
		if calls := string(m.ToolCalls); calls != "null" {
			ids = append(ids, Encode(calls)...)
		}
		ids = append(ids, EndTurn)
	}
	role("assistant")
	return ids
}
