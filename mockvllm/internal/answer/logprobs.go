package answer

import (
	"slices"

	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// TextLogprobs are those of a completion, listed by column.
type TextLogprobs struct {
	TextOffset    []int                `json:"text_offset"`
	TokenLogprobs []float64            `json:"token_logprobs"`
	Tokens        []string             `json:"tokens"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
}

// A TokenLogprob is that of one token.
type TokenLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

// A ChatLogprob is that of a token of a chat, with its alternatives.
type ChatLogprob struct {
	TokenLogprob
	TopLogprobs []TokenLogprob `json:"top_logprobs"`
}

// ChatLogprobs are the logprobs of tokens as a chat has them. All logprobs are made up: every token is as likely as it
// is short, and the alternatives are less so the further down they stand.
func ChatLogprobs(ids []tokenizer.Token, top int) map[string]any {
	content := make([]ChatLogprob, 0, len(ids))
	for _, id := range ids {
		options := likely(id, top)
		content = append(content, ChatLogprob{options[0], options[:min(top, len(options))]})
	}
	return map[string]any{"content": content}
}

// A RankedToken is a token by its id, with its logprob.
type RankedToken struct {
	ID      tokenizer.Token `json:"token_id"`
	Logprob float64         `json:"logprob"`
	Rank    int             `json:"rank"`
}

// TokenLogprobs are the logprobs of tokens where an answer is token ids: each has itself among its alternatives.
func TokenLogprobs(ids []tokenizer.Token, top int) map[string]any {
	type ranked struct {
		RankedToken
		TopLogprobs []RankedToken `json:"top_logprobs"`
	}
	content := make([]ranked, 0, len(ids))
	for _, id := range ids {
		var options []RankedToken
		for i, o := range likely(id, top) {
			option := RankedToken{id, o.Logprob, i + 1}
			if i > 0 {
				option.ID = tokenizer.Encode(o.Token)[0]
			}
			options = append(options, option)
		}
		content = append(content, ranked{options[0], options})
	}
	return map[string]any{"content": content}
}

// TextLogprobs are those of tokens [from, to) of an answer as a completion has them.
func (a *Answer) TextLogprobs(from, to, top int) (out TextLogprobs) {
	at := len(a.Text(0, from))
	for i, id := range a.IDs[from:to] {
		options := likely(id, top)
		out.TextOffset = append(out.TextOffset, at)
		out.TokenLogprobs = append(out.TokenLogprobs, options[0].Logprob)
		out.Tokens = append(out.Tokens, options[0].Token)
		byToken := map[string]float64{}
		for _, o := range options {
			byToken[o.Token] = o.Logprob
		}
		out.TopLogprobs = append(out.TopLogprobs, byToken)
		at += len(a.Word(from + i))
	}
	return out
}

// A PromptLogprob is that of one token at a place of a prompt.
type PromptLogprob struct {
	Logprob float64 `json:"logprob"`
	Rank    int     `json:"rank"`
	Decoded string  `json:"decoded_token"`
}

// PromptLogprobs are those of a prompt's tokens, by their ids; the first follows nothing and has none.
func PromptLogprobs(prompt []tokenizer.Token, top int) []map[tokenizer.Token]PromptLogprob {
	out := make([]map[tokenizer.Token]PromptLogprob, len(prompt))
	for i := 1; i < len(out); i++ {
		out[i] = map[tokenizer.Token]PromptLogprob{}
		for rank, o := range likely(prompt[i], top) {
			id := prompt[i]
			if rank > 0 {
				id = tokenizer.Encode(o.Token)[0]
			}
			out[i][id] = PromptLogprob{o.Logprob, rank + 1, o.Token}
		}
	}
	return out
}

// likely is a token and its alternatives, as many as are wanted in all, the token
// itself always among them.
func likely(id tokenizer.Token, top int) []TokenLogprob {
	chosen := TokenLogprob{Token: tokenizer.Decode([]tokenizer.Token{id})}
	chosen.Logprob = -float64(len(chosen.Token)) / 16
	out := []TokenLogprob{chosen}
	words := Words()
	for i := 0; len(out) < top && i < len(words); i++ {
		if word := words[(int(id)+i)%len(words)]; word != chosen.Token {
			out = append(out, TokenLogprob{Token: word, Logprob: chosen.Logprob - float64(len(out))})
		}
	}
	for i := range out {
		out[i].Bytes = slices.Collect(func(yield func(int) bool) {
			for _, b := range []byte(out[i].Token) {
				if !yield(int(b)) {
					return
				}
			}
		})
	}
	return out
}
