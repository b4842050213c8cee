package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vllmspec/vllmspec/internal/limit"
)

// ask sends one prompt, follows its answer to the end and hands the record on.
// A listener, where there is one, gets each piece of the answer.
func (l *load) ask(ctx context.Context, rec *Record, prompt Prompt, heard func(*Chunk)) {
	rec.Class, rec.RequestedModel = prompt.Class, prompt.Model
	rec.RequestedPromptTokens = orUnreported(prompt.Tokens)
	rec.RequestedOutputTokens = orUnreported(prompt.MaxTokens)
	rec.RequestedMinOutputTokens, rec.Inputs = orUnreported(prompt.MinTokens), orUnreported(len(prompt.Inputs))
	rec.Clip = prompt.clipLength()
	rec.Full = prompt.IgnoreEOS && prompt.MaxTokens > 0
	rec.Warmup = rec.Due < l.scenario.Warmup
	if ctx.Err() == nil {
		l.issued.Add(1)
		l.inFlight.add(l.now(), 1)
		outline := l.shared.outline(&prompt)
		l.shared.Add(outline, rec.Due)
		check, heard := checking(prompt.Checks, heard)
		l.follow(ctx, rec, prompt, heard)
		rec.ShareableTokens = l.shared.shareable(outline, rec.Due, rec.PromptTokens)
		l.inFlight.add(l.now(), -1)
		check(rec)
	} else {
		rec.Failure, rec.Error = endedBy(ctx), context.Cause(ctx).Error()
		rec.Done = l.now()
	}
	if rec.Failed() {
		l.failed.Add(1)
	}
	rec.Good = rec.OK() && rec.HasContent() && l.runner.Good(rec)
	l.records <- *rec
}

// follow reads the answer into the record.
func (l *load) follow(ctx context.Context, rec *Record, prompt Prompt, heard func(*Chunk)) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.runner.Timeout, errTimeout)
	defer cancel()
	if who := l.scenario.Abandonment; who.Share > 0 && l.scenario.stream(leaveStream, rec.Seq).Float64() < who.Share {
		var leave context.CancelFunc
		ctx, leave = context.WithDeadlineCause(ctx, l.start.Add(rec.Due+who.After), errCanceled)
		defer leave()
	}
	rec.Sent = l.now()
	counts := counting{prompt: promptMost(&prompt)}
	defer func() { counts.settle(rec) }()
	extent, length := NewExtent(&prompt), 0
	for chunk, err := range l.runner.Client.Ask(ctx, prompt) {
		if err == nil {
			err = extent.Take(&chunk)
		}
		if err == nil {
			err = rec.take(chunk, l.start)
		}
		if length += len(chunk.Text) + len(chunk.Call); err == nil && heard != nil && length > limit.AnswerText(prompt.MaxTokens) {
			err = beyond(fmt.Sprintf("the answer, which is read as a whole, has more than %d bytes of text", limit.AnswerText(prompt.MaxTokens)))
		}
		if err != nil {
			rec.fail(ctx, err)
			rec.Done = l.now()
			return
		}
		counts.take(chunk.Usage)
		if heard != nil {
			heard(&chunk)
		}
	}
	switch failure := gaveUp(rec.Finish); {
	case rec.Finish == "":
		rec.Failure, rec.Error = CutShort, "the stream ended without a finish reason"
		rec.Done = l.now()
	case failure != "":
		rec.Failure, rec.Error = failure, fmt.Sprintf("the server ended the answer with the finish reason %q", rec.Finish)
	case !rec.HasContent() && !rec.mayBeEmpty():
		rec.Failure, rec.Error = Empty, "the answer ended without any content"
	}
}

// take adds one chunk to the record. Done moves along with the last stamp, so
// that the end of an answer is when it arrived, not when we had read it. The error is that
// of a chunk which came before its request was sent: it is no answer to that.
func (r *Record) take(c Chunk, start time.Time) error {
	if c.Headers && !c.Sent.IsZero() {
		r.Sent = max(r.Sent, c.Sent.Sub(start))
	}
	at, ok := r.after(c.At.Sub(start))
	if !ok {
		return beyond(fmt.Sprintf("the answer came %v before its request was sent: it belongs to no request of this connection", r.Sent-c.At.Sub(start)))
	}
	if c.Headers {
		r.Headers, r.HTTPStatus, r.Replica = at, c.HTTPStatus, c.Replica
		r.Connecting, r.Resolving, r.Securing = c.Connecting, c.Resolving, c.Securing
	} else {
		r.Done = at
	}
	keepText(&r.RequestID, c.RequestID)
	keepText(&r.Model, c.Model)
	if c.Content() && c.AtOnce {
		r.Seen, r.Refused = SeenNone, r.Refused || c.Refusal != ""
	} else if c.Content() {
		r.Chunks = append(r.Chunks, at)
		r.ReadDelay = max(r.ReadDelay, c.Waited)
		if c.Tokens > 0 {
			r.ChunkTokens = append(r.ChunkTokens, c.Tokens)
		}
		if (c.Text+c.Call != "" || c.Refusal != "") && r.FirstAnswer == NoTime {
			r.FirstAnswer = at
		}
		r.Refused = r.Refused || c.Refusal != ""
	}
	if keepText(&r.Finish, c.Finish); c.Finish != "" {
		if len(r.ChunkTokens) != len(r.Chunks) {
			r.ChunkTokens = nil // reported for some chunks only: not to be relied on
		}
	}
	if t := c.Timings; t != nil {
		r.ServerQueue, r.ServerPrefill, r.ServerDecode = t.Queue, t.Prefill, t.Decode
	}
	if u := c.Usage; u != nil {
		keep(&r.PromptTokens, u.PromptTokens)
		keep(&r.OutputTokens, u.OutputTokens)
		keep(&r.CachedTokens, u.CachedTokens)
		keep(&r.ReasoningTokens, u.ReasoningTokens)
	}
	return nil
}

// after is an instant of the answer, not before the one that was last: what comes later
// may be stamped earlier where the clock was set. It is not ok before the request was sent.
func (r *Record) after(at time.Duration) (_ time.Duration, ok bool) {
	if at < r.Sent && r.Sent-at < limit.ClockStep {
		return at, false
	}
	return max(at, r.Sent, r.Headers, r.Done), true
}

// keepText takes a text that was reported, without the event that it stands in: that may be
// long.
func keepText(text *string, now string) {
	if now != "" && now != *text {
		*text = strings.Clone(now)
	}
}

// keep takes a count that was reported.
func keep(count *int, now int) {
	if now != Unreported {
		*count = now
	}
}

// fail names what ended the request. What we ended ourselves is named by the
// reason we had, not by the error that the connection then gave.
func (r *Record) fail(ctx context.Context, err error) {
	r.Error = err.Error()
	asked, ok := errors.AsType[*AskError](err)
	if ok && r.Replica == "" { // else the head of the answer named the engine: the error may know the gateway only
		r.Replica = strings.Clone(asked.Replica)
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
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimeout):
		return Timeout
	case errors.Is(cause, errCanceled):
		return Canceled
	case errors.Is(cause, errUnanswered):
		return Unanswered
	default:
		return Interrupted
	}
}

func orUnreported(n int) int {
	if n > 0 {
		return n
	}
	return Unreported
}
