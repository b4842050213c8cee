package harness

import (
	"context"
	"errors"
	"time"
)

// ask sends one prompt, follows its answer to the end and hands the record on.
// What was answered is heard, if somebody listens.
func (l *load) ask(ctx context.Context, rec *Record, prompt Prompt, hear func(text string)) {
	rec.Class, rec.RequestedModel = prompt.Class, prompt.Model
	rec.RequestedPromptTokens = orUntold(prompt.Tokens)
	rec.RequestedOutputTokens = orUntold(prompt.MaxTokens)
	rec.Full = prompt.IgnoreEOS && prompt.MaxTokens > 0
	rec.Warmup = rec.Due < l.scenario.Warmup
	if ctx.Err() == nil {
		l.issued.Add(1)
		l.inFlight.add(l.now(), 1)
		l.follow(ctx, rec, prompt, hear)
		l.inFlight.add(l.now(), -1)
	} else {
		rec.Failure, rec.Error = endedBy(ctx), context.Cause(ctx).Error()
		rec.Done = l.now()
	}
	if rec.Failure != "" {
		l.failed.Add(1)
	}
	rec.Good = rec.OK() && l.runner.Good(rec)
	l.records <- *rec
}

// follow reads the answer into the record.
func (l *load) follow(ctx context.Context, rec *Record, prompt Prompt, hear func(text string)) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.runner.Timeout, errTimeout)
	defer cancel()
	if who := l.scenario.Impatience; who.Share > 0 && l.scenario.stream(leaveStream, rec.Seq).Float64() < who.Share {
		var leave context.CancelFunc
		ctx, leave = context.WithDeadlineCause(ctx, l.start.Add(rec.Due+who.After), errGivenUp)
		defer leave()
	}
	rec.Sent = l.now()
	for chunk, err := range l.runner.Client.Ask(ctx, prompt) {
		if err != nil {
			rec.fail(ctx, err)
			rec.Done = l.now()
			return
		}
		rec.take(chunk, l.start)
		if hear != nil && chunk.Text != "" {
			hear(chunk.Text)
		}
	}
	switch {
	case rec.Finish == "":
		rec.Failure, rec.Error = CutShort, "the stream ended without a finish reason"
		rec.Done = l.now()
	case len(rec.Chunks) == 0:
		rec.Failure, rec.Error = Empty, "the answer ended without any content"
	}
}

// take adds one chunk to the record. Done moves along with the last stamp, so
// that the end of an answer is when it arrived, not when we had read it.
func (r *Record) take(c Chunk, start time.Time) {
	at := c.At.Sub(start)
	if c.Headers {
		r.Headers, r.HTTPStatus, r.Replica = at, c.HTTPStatus, c.Replica
		r.Connecting, r.Resolving, r.Securing = c.Connecting, c.Resolving, c.Securing
		if !c.Sent.IsZero() {
			r.Sent = max(r.Sent, c.Sent.Sub(start))
		}
	} else {
		r.Done = at
	}
	if c.RequestID != "" {
		r.RequestID = c.RequestID
	}
	if c.Model != "" {
		r.Model = c.Model
	}
	if c.Content() {
		r.Chunks = append(r.Chunks, at)
		r.ReadDelay = max(r.ReadDelay, c.Waited)
		if c.Tokens > 0 {
			r.ChunkTokens = append(r.ChunkTokens, c.Tokens)
		}
		if c.Text != "" && r.FirstAnswer == Never {
			r.FirstAnswer = at
		}
	}
	if c.Finish != "" {
		r.Finish = c.Finish
		if len(r.ChunkTokens) != len(r.Chunks) {
			r.ChunkTokens = nil // told for some chunks only: not to be relied on
		}
	}
	if t := c.Timings; t != nil {
		r.ServerQueue, r.ServerPrefill, r.ServerDecode = t.Queue, t.Prefill, t.Decode
	}
	if u := c.Usage; u != nil {
		r.PromptTokens, r.OutputTokens = u.PromptTokens, u.OutputTokens
		r.CachedTokens, r.ReasoningTokens = u.CachedTokens, u.ReasoningTokens
	}
}

// fail names what ended the request. What we ended ourselves is named by the
// reason we had, not by the error that the connection then gave.
func (r *Record) fail(ctx context.Context, err error) {
	r.Error = err.Error()
	asked, ok := errors.AsType[*AskError](err)
	if ok {
		r.Replica = asked.Replica
	}
	if ctx.Err() != nil {
		r.Failure, r.Error = endedBy(ctx), context.Cause(ctx).Error()
		return
	}
	r.Failure = Malformed
	if ok {
		r.Failure, r.Error = asked.Failure, asked.Err.Error()
		if asked.HTTPStatus > 0 {
			r.HTTPStatus = asked.HTTPStatus
		}
	}
}

func endedBy(ctx context.Context) Failure {
	switch context.Cause(ctx) {
	case errTimeout:
		return Timeout
	case errGivenUp:
		return GivenUp
	case errUnanswered:
		return Unanswered
	default:
		return Interrupted
	}
}

func orUntold(tokens int) int {
	if tokens > 0 {
		return tokens
	}
	return Untold
}
