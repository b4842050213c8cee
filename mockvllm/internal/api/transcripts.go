package api

import (
	"math"
	"net/http"
	"time"

	"github.com/vllmspec/vllmspec/mockvllm/internal/answer"
	"github.com/vllmspec/vllmspec/mockvllm/internal/engine"
	"github.com/vllmspec/vllmspec/mockvllm/internal/faults"
	"github.com/vllmspec/vllmspec/mockvllm/internal/media"
	"github.com/vllmspec/vllmspec/mockvllm/internal/wire"
)

// wordRate is how many tokens of speech there are in a second.
const wordRate = 3.3

// A transcript writes what is said in a clip, as vllm/entrypoints/speech_to_text does.
type transcript struct {
	*wire.Wire
	server  *Handler
	q       *request
	seq     *engine.Sequence
	id      string
	object  string // of its events
	created int64
	seconds float64 // of the clip
}

// transcripts answers what is said in a clip, in English where that is the task.
func (s *Handler) transcripts(w http.ResponseWriter, r *http.Request, task string) {
	in, ok := s.receive(w, r)
	if !ok {
		return
	}
	form, err := media.ReadForm(r.Header.Get("Content-Type"), in.body)
	if err != nil || form.File == nil {
		s.fail(w, &apiError{status: http.StatusBadRequest, kind: "Bad Request", param: "file", text: "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'file'), 'msg': 'Field required', 'input': None}"})
		return
	}
	a, seconds, apiErr := heard(form)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	q, apiErr := s.admit(r, in, a, chat)
	if apiErr != nil {
		s.fail(w, apiErr)
		return
	}
	to := wire.New(w, a.Stream, in.hit)
	out := &transcript{Wire: to, server: s, q: q, seq: q.sequences[0], id: task + "-" + q.id, object: "transcription.chunk", created: time.Now().Unix(), seconds: seconds}
	if task == "translate" {
		out.object = "translation.chunk"
	}
	exchange{s, r, q, to, out}.run(out.id)
}

// heard is a form as what the engine is asked, and how long its clip is.
func heard(form media.Form) (a *ask, seconds float64, apiErr *apiError) {
	if wrong := form.Check(); wrong != "" {
		return nil, 0, bad("", "%s", wrong)
	}
	a = &ask{Model: form.Get("model"), Stream: form.Is("stream"), ReasoningEffort: "none", MaxCompletionTokens: form.Most()}
	if form.Is(media.IncludeUsage) {
		a.StreamOptions = &streamOptions{IncludeUsage: true, ContinuousUsageStats: form.Is(media.RunningUsage)}
	}
	a.heard, seconds = form.Clip()
	a.says = max(1, wordRate*seconds)
	return a, seconds, nil
}

func (s *transcript) tokens(_, from, to int) {
	s.q.pieces(s.server.engine, s.seq, from, to, func(from, to int) {
		choice := map[string]any{"delta": map[string]string{"content": s.seq.Answer.Text(from, to)}}
		if to == len(s.seq.Answer.IDs) {
			choice["finish_reason"], choice["stop_reason"] = s.seq.Answer.Finish, nil
		}
		event := s.event([]any{choice})
		if o := s.q.ask.StreamOptions; o != nil && o.ContinuousUsageStats && s.q.hit.Kind != faults.NoUsage {
			event["usage"] = s.usage(to)
		}
		s.Data(event)
	})
}

func (s *transcript) event(choices []any) map[string]any {
	return map[string]any{"id": s.id, "object": s.object, "created": s.created, "model": s.q.model, "choices": choices}
}

func (s *transcript) usage(tokens int) answer.Usage {
	if s.q.hit.Kind == faults.WrongUsage {
		tokens = int(float64(tokens) * s.q.hit.Factor)
	}
	return answer.Usage{PromptTokens: len(s.seq.Prompt), TotalTokens: len(s.seq.Prompt) + tokens, CompletionTokens: tokens}
}

func (s *transcript) broken(apiErr *apiError) {
	if !s.Streams {
		s.server.fail(s.W, apiErr)
		return
	}
	s.Data(s.server.envelope(apiErr))
	s.Out = append(s.Out, "data: [DONE]\n\n"...)
}

func (s *transcript) close() {
	if s.Streams {
		if o := s.q.ask.StreamOptions; (o != nil || s.server.config.ForceUsage) && s.q.hit.Kind != faults.NoUsage {
			event := s.event([]any{})
			event["usage"] = s.usage(s.q.sent[0])
			s.Data(event)
		}
		s.Out = append(s.Out, "data: [DONE]\n\n"...)
		return
	}
	whole := map[string]any{"text": s.seq.Answer.Text(0, s.q.sent[0])}
	if s.object == "transcription.chunk" {
		whole["usage"] = map[string]any{"type": "duration", "seconds": int(math.Ceil(s.seconds))}
	}
	s.Whole(whole)
}
