package api

import (
	"encoding/json"
	"net/http"

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
	switch {
	case body.TokenIDs == nil:
		return nil, flawed(pydantic.Missing(raw, "token_ids"))
	case body.Sampling == nil:
		return nil, flawed(pydantic.Missing(raw, "sampling_params"))
	}
	if err := json.Unmarshal(body.Sampling, a); err != nil {
		return nil, invalid(raw, err)
	}
	a.Model, a.Prompt, a.Stream, a.StreamOptions, a.CacheSalt, a.Priority = body.Model, body.TokenIDs, body.Stream, body.StreamOptions, body.CacheSalt, body.Priority
	if ids, ok := tokenizer.ReadList(body.TokenIDs); ok && a.MaxTokens == nil {
		longest := max(1, s.config.MaxModelLen-len(ids))
		a.MaxTokens = &longest
	}
	return a, nil
}

// A tokenStream writes answers of token ids; it counts as the stream of completions does.
type tokenStream struct{ *stream }

// The shapes of its events and of its answers in one piece, field by field in vLLM's order.
type (
	tokenChoice struct {
		Index        int               `json:"index"`
		Logprobs     any               `json:"logprobs"`
		FinishReason *string           `json:"finish_reason"`
		TokenIDs     []tokenizer.Token `json:"token_ids"`
	}
	tokenChunk struct {
		RequestID string        `json:"request_id"`
		Choices   []tokenChoice `json:"choices"`
		Usage     any           `json:"usage"`
	}
)

func (s *tokenStream) tokens(answer, from, to int) {
	seq := s.q.sequences[answer]
	s.q.pieces(s.server.engine, seq, from, to, func(from, to int) {
		c := tokenChoice{Index: answer, Logprobs: s.logprobs(seq, from, to), TokenIDs: seq.Answer.IDs[from:to]}
		if to == len(seq.Answer.IDs) {
			c.FinishReason = &seq.Answer.Finish
		}
		event := tokenChunk{RequestID: s.id, Choices: []tokenChoice{c}}
		if usage := s.running(seq, to); usage != nil {
			event.Usage = usage
		}
		s.Data(event)
	})
}

// close ends a whole answer.
func (s *tokenStream) close() {
	if !s.Streams {
		s.Whole(s.body())
		return
	}
	if s.includesUsage() {
		s.Data(tokenChunk{RequestID: s.id, Choices: []tokenChoice{}, Usage: s.total()})
	}
	s.Out = append(s.Out, "data: [DONE]\n\n"...)
}

// body is the answer in one piece.
func (s *tokenStream) body() map[string]any {
	choices := make([]tokenChoice, len(s.q.sequences))
	for i, seq := range s.q.sequences {
		n, finish := s.q.sent[i], seq.Finished()
		choices[i] = tokenChoice{Index: i, Logprobs: s.logprobs(seq, 0, n), FinishReason: &finish, TokenIDs: seq.Answer.IDs[:n]}
	}
	out := map[string]any{"request_id": s.id, "choices": choices, "prompt_logprobs": nil, "kv_transfer_params": nil, "usage": s.complete(s.total())}
	if s.q.hit.Kind == faults.NoUsage {
		out["usage"] = nil
	}
	return out
}
