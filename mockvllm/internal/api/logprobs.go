package api

import (
	"encoding/json"
	"slices"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
)

// logprobs is how many alternatives to each token a request wants to see.
func (a *ask) logprobs(p protocol) (top int, wanted bool) {
	if p == completions {
		err := json.Unmarshal(a.Logprobs, &top)
		return top, err == nil && string(a.Logprobs) != "null"
	}
	if a.TopLogprobs != nil {
		top = *a.TopLogprobs
	}
	return top, string(a.Logprobs) == "true"
}

// The shapes of logprobs: those of completions list them by column, those of a
// chat token by token.
type textLogprobs struct {
	TextOffset    []int                `json:"text_offset"`
	TokenLogprobs []float64            `json:"token_logprobs"`
	Tokens        []string             `json:"tokens"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
}

type tokenLogprob struct {
	Token   string  `json:"token"`
	Logprob float64 `json:"logprob"`
	Bytes   []int   `json:"bytes"`
}

type chatLogprob struct {
	tokenLogprob
	TopLogprobs []tokenLogprob `json:"top_logprobs"`
}

// logprobs of tokens [from, to), or nil. They are made up: every token is as likely
// as it is short, and the alternatives are less so the further down they stand.
func (s *stream) logprobs(seq *engine.Sequence, from, to int) any {
	if !s.odds || from == to {
		return nil
	}
	if s.p == chat {
		content := make([]chatLogprob, 0, to-from)
		for _, id := range seq.Answer.IDs[from:to] {
			options := likely(id, s.top)
			content = append(content, chatLogprob{options[0], options[:min(s.top, len(options))]})
		}
		return map[string]any{"content": content}
	}
	out := textLogprobs{}
	at := len(seq.Answer.Text(0, from))
	for i, id := range seq.Answer.IDs[from:to] {
		options := likely(id, s.top)
		out.TextOffset = append(out.TextOffset, at)
		out.TokenLogprobs = append(out.TokenLogprobs, options[0].Logprob)
		out.Tokens = append(out.Tokens, options[0].Token)
		byToken := map[string]float64{}
		for _, o := range options {
			byToken[o.Token] = o.Logprob
		}
		out.TopLogprobs = append(out.TopLogprobs, byToken)
		at += len(seq.Answer.Word(from + i))
	}
	return out
}

// promptLogprobs are those of a prompt's tokens, by their ids; the first follows
// nothing and has none.
func (s *stream) promptLogprobs(seq *engine.Sequence) any {
	if s.q.ask.PromptLogprobs == nil {
		return nil
	}
	type option struct {
		Logprob float64 `json:"logprob"`
		Rank    int     `json:"rank"`
		Decoded string  `json:"decoded_token"`
	}
	out := make([]map[tokenizer.Token]option, len(seq.Prompt))
	for i := 1; i < len(out); i++ {
		out[i] = map[tokenizer.Token]option{}
		for rank, o := range likely(seq.Prompt[i], *s.q.ask.PromptLogprobs) {
			id := seq.Prompt[i]
			if rank > 0 {
				id = tokenizer.Encode(o.Token)[0]
			}
			out[i][id] = option{o.Logprob, rank + 1, o.Token}
		}
	}
	return out
}

// likely is a token and its alternatives, as many as are wanted in all, the token
// itself always among them.
func likely(id tokenizer.Token, top int) []tokenLogprob {
	chosen := tokenLogprob{Token: tokenizer.Decode([]tokenizer.Token{id})}
	chosen.Logprob = -float64(len(chosen.Token)) / 16
	out := []tokenLogprob{chosen}
	words := answer.Words()
	for i := 0; len(out) < top && i < len(words); i++ {
		if word := words[(int(id)+i)%len(words)]; word != chosen.Token {
			out = append(out, tokenLogprob{Token: word, Logprob: chosen.Logprob - float64(len(out))})
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
