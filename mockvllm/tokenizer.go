package mockvllm

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// vocabulary is the number of token ids, that of Llama 3. Its first 100,256 are
// those of cl100k, a byte-pair encoding that Llama 3's extends by pieces for
// languages other than English ("The Llama 3 Herd of Models", 2024, section
// 3.2); both cut text into words in the same way before they merge.
const vocabulary = 128_256

// A token is an id of the vocabulary. There are many of them: a run of ten
// thousand long prompts keeps hundreds of millions.
type token = int32

// special ids of the chat template.
const (
	beginText token = 128_000 + iota
	beginRole
	endRole
	endTurn
)

var specialNames = [...]string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}

// encoding unpacks the embedded vocabulary once, when it is first needed.
var encoding = sync.OnceValue(codec.NewCl100kBase)

// tokenize is the one answer to "how long is this text", for the engine, the
// usage count and /tokenize.
func tokenize(text string) []token {
	ids, _ := encode(text)
	return ids
}

// encode also returns the pieces of text that the tokens stand for.
func encode(text string) ([]token, []string) {
	raw, pieces, err := encoding().Encode(text)
	if err != nil {
		panic(err) // it fails on a time limit only, and has none
	}
	ids := make([]token, len(raw))
	for i, id := range raw {
		ids[i] = token(id)
	}
	return ids, pieces
}

// detokenize is the text that tokens stand for.
func detokenize(ids []token) string {
	var out strings.Builder
	for _, id := range ids {
		piece, err := encoding().Decode([]uint{uint(id)})
		switch {
		case err == nil:
			out.WriteString(piece)
		case id >= beginText && int(id-beginText) < len(specialNames):
			out.WriteString(specialNames[id-beginText])
		default:
			fmt.Fprintf(&out, "<|reserved_special_token_%d|>", id)
		}
	}
	return strings.ToValidUTF8(out.String(), "\uFFFD")
}

type message struct {
	Role      string          `json:"role"`
	Content   any             `json:"content"`
	ToolCalls json.RawMessage `json:"tool_calls"`
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
func tokenizeChat(messages []message) []token {
	ids := []token{beginText}
	role := func(name string) {
		ids = append(ids, beginRole)
		ids = append(ids, tokenize(name)...)
		ids = append(ids, endRole)
		ids = append(ids, tokenize("\n\n")...)
	}
	for _, m := range messages {
		role(m.Role)
		ids = append(ids, tokenize(m.text())...)
		if calls := string(m.ToolCalls); calls != "null" {
			ids = append(ids, tokenize(calls)...)
		}
		ids = append(ids, endTurn)
	}
	role("assistant")
	return ids
}
