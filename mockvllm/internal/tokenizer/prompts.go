package tokenizer

import "encoding/json"

// ReadPrompts reads the prompts of a request: one text or list of tokens, or several. There are none where it is neither.
func ReadPrompts(raw json.RawMessage) (prompts [][]Token) {
	if tokens, ok := ReadList(raw); ok {
		return [][]Token{tokens}
	}
	var text string
	var texts []string
	var ids []Token
	switch {
	case json.Unmarshal(raw, &text) == nil && text != "":
		texts = []string{text}
	case json.Unmarshal(raw, &texts) == nil:
	case json.Unmarshal(raw, &ids) == nil:
		return [][]Token{ids}
	case json.Unmarshal(raw, &prompts) == nil:
		return prompts
	default:
		return nil
	}
	for _, t := range texts {
		prompts = append(prompts, append([]Token{BeginText}, Encode(t)...))
	}
	return prompts
}
