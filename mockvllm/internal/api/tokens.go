package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/pydantic"
	"github.com/vllmspec/vllmspec/mockvllm/internal/tokenizer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// tokens answers /inference/v1/generate: the same engine, asked in token ids, and answered in them.
func (s *Handler) tokens(w http.ResponseWriter, r *http.Request) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	a, apiErr := s.readTokens(in.body)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	q, apiErr := s.admit(r, in, a, completions)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	to := wire.New(w, a.Stream, in.hit)
	out := &tokenStream{newStream(s, to, q, completions)}
	out.id = "generate-tokens-" + q.id
	exchange{s, r, q, to, out}.run(out.id)
}

// readTokens makes a completion of a request: what it asks for of sampling stands in a member of its own. Without a
// bound an answer may be as long as the context is.
func (s *Handler) readTokens(raw []byte) (*ask, *apiError) {
	var body struct {
		ask
		TokenIDs json.RawMessage `json:"token_ids"`
		Sampling json.RawMessage `json:"sampling_params"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, invalid(raw, err)
	}
	a := new(ask)
	ids, listed := tokenizer.ReadList(body.TokenIDs)
	switch {
	case body.TokenIDs == nil:
		return nil, flawed(pydantic.Missing(raw, "token_ids"))
	case string(body.TokenIDs) == "[]":
		return nil, flawed(pydantic.Empty(raw, "token_ids"))
	case !listed && hasNegative(body.TokenIDs):
		return nil, flawed(pydantic.HasNegative(raw, "token_ids"))
	case body.Sampling == nil:
		return nil, flawed(pydantic.Missing(raw, "sampling_params"))
	}
	if err := json.Unmarshal(body.Sampling, a); err != nil {
		return nil, invalid(raw, err)
	}
	a.Model, a.Prompt, a.Stream, a.StreamOptions, a.CacheSalt, a.Priority = body.Model, body.TokenIDs, body.Stream, body.StreamOptions, body.CacheSalt, body.Priority
	if listed {
		return a, a.fitTokens(len(ids), s.config.MaxModelLen)
	}
	return a, nil
}

func hasNegative(ids json.RawMessage) bool {
	prompts := tokenizer.ReadPrompts(ids)
	return len(prompts) == 1 && slices.ContainsFunc(prompts[0], func(id tokenizer.Token) bool { return id < 0 })
}

// fitTokens bounds an answer by what the prompt leaves of the context: here the engine refuses a prompt that is too
// long, in its own words, and an answer may ask for more than there is room for.
func (a *ask) fitTokens(prompt, longest int) *apiError {
	switch room := longest - prompt; {
	case room < 0:
		return bad("", "The decoder prompt (length %d) is longer than the maximum model length of %d. Make sure that `max_model_len` is no smaller than the number of text tokens.", prompt, longest)
	case room == 0:
		return bad("", "The decoder prompt (length %d) plus the number of requested output tokens (at least 1) is longer than the maximum model length of %d. Make sure that `max_model_len` is no smaller than the number of text tokens (prompt + requested output tokens).", prompt, longest)
	case a.MaxTokens == nil:
		a.MaxTokens = &room
	case *a.MaxTokens > room && a.MinTokens <= *a.MaxTokens:
		a.MaxTokens, a.MinTokens = &room, min(a.MinTokens, room)
	}
	return nil
}

// A tokenStream writes answers of token ids; it counts as the stream of completions does.
type tokenStream struct{ *stream }

func (s *tokenStream) tokens(index, from, to int) {
	seq := s.q.sequences[index]
	s.q.pieces(s.server.engine, seq, from, to, func(from, to int) {
		finish := ""
		if to == len(seq.Answer.IDs) {
			finish = seq.Answer.Finish
		}
		event := answer.TokenChunk{RequestID: s.id, OutputMode: answer.TokenMode, Choices: []answer.TokenChoice{s.tokenChoice(index, from, to, finish)}}
		if usage := s.running(seq, to); usage != nil {
			event.Usage = s.complete(usage)
		}
		s.Data(event)
	})
}

// tokenChoice is tokens [from, to) of an answer, which ends there where it has a reason to.
func (s *tokenStream) tokenChoice(index, from, to int, finish string) answer.TokenChoice {
	seq := s.q.sequences[index]
	c := answer.TokenChoice{Index: index, TokenIDs: seq.Answer.IDs[from:to]}
	if s.odds && from < to {
		c.Logprobs = answer.TokenLogprobs(seq.Answer.IDs[from:to], s.top)
	}
	if finish != "" {
		c.FinishReason, c.WeightVersions = &finish, []answer.WeightVersion{{Version: "default", End: to}}
		if seq.Answer.Stop != "" {
			c.StopReason = &seq.Answer.Stop
		}
	}
	return c
}

// close ends a whole answer.
func (s *tokenStream) close() {
	if !s.Streams {
		s.Whole(s.body())
		return
	}
	if s.includesUsage() {
		s.Data(answer.TokenChunk{RequestID: s.id, Usage: s.total(), OutputMode: answer.TokenMode, Choices: []answer.TokenChoice{}})
	}
	s.Out = append(s.Out, "data: [DONE]\n\n"...)
}

// body is the answer in one piece.
func (s *tokenStream) body() answer.TokenAnswer {
	out := answer.TokenAnswer{RequestID: s.id, Model: s.q.model, Created: s.created, OutputMode: answer.TokenMode, Choices: make([]answer.TokenChoice, len(s.q.sequences))}
	for i, seq := range s.q.sequences {
		out.Choices[i] = s.tokenChoice(i, 0, s.q.sent[i], seq.Finished())
	}
	if s.q.hit.Kind != faults.NoUsage {
		out.Usage = s.complete(s.total())
	}
	return out
}
