package api

import (
	"encoding/json"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
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

// logprobs of tokens [from, to), or nil.
func (s *stream) logprobs(seq *engine.Sequence, from, to int) any {
	switch {
	case !s.odds || from == to:
		return nil
	case s.p == chat:
		return answer.ChatLogprobs(seq.Answer.IDs[from:to], s.top)
	}
	return seq.Answer.TextLogprobs(from, to, s.top)
}

// promptLogprobs are those of a prompt's tokens, where they were asked for.
func (s *stream) promptLogprobs(seq *engine.Sequence) any {
	if s.q.ask.PromptLogprobs == nil {
		return nil
	}
	return answer.PromptLogprobs(seq.Prompt, *s.q.ask.PromptLogprobs)
}
