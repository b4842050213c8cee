package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"time"

	"github.com/tidwall/gjson"

	"github.com/vllmspec/vllmspec/harness"
	"github.com/vllmspec/vllmspec/harness/client"
	"github.com/vllmspec/vllmspec/harness/wire"
)

// How long a stream is followed when its answer seems to have ended.
const (
	// lingering is for the end of the body, so that the connection can be used again.
	lingering = 10 * time.Millisecond
	// forUsage is how long the usage that was asked for may come after the finish
	// reason, and forUsageOf the same with a server that has sent one before: there
	// silence means that it is busy.
	forUsage   = time.Second
	forUsageOf = 10 * time.Second
)

// streamed yields the chunks of a stream of server-sent events, in either dialect of
// vLLM's. What came in one read shares its stamp. An answer is over with [DONE], or
// with usage after a finish reason, whatever becomes of the connection then. It may have
// so many bytes at most.
func (c *Client) streamed(s *stream, from client.Body, most int) iter.Seq2[harness.Chunk, error] {
	return func(yield func(harness.Chunk, error) bool) {
		s.Events = wire.Events{Most: most, Long: &c.longEvents}
		defer s.Close()
		for {
			piece, err := from.Next()
			at, waited := from.Last()
			if going := s.read(piece, at, waited, yield); !going {
				return
			}
			if beyond := s.bounded(len(piece)); beyond != nil {
				yield(harness.Chunk{}, beyond)
				return
			}
			if err != nil {
				s.end(err, at, waited, yield)
				return
			}
			if allowed := s.allowed(); allowed > 0 {
				from.Within(allowed)
			}
		}
	}
}

// bounded looks at the bounds of a stream after a piece of it: after the end of an answer nothing counts.
func (s *stream) bounded(piece int) error {
	if s.done {
		return nil
	}
	return s.Bounded(piece)
}

// ends reports whether a line says that the answer is over. OpenAI's own client looks at no more
// than the beginning, either.
func ends(line []byte) bool {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(data, " \t"), []byte("[DONE]"))
}

// atOnce reads an answer in one piece. Of several answers to one prompt it is the first; the tokens are those of
// all of them.
func atOnce(root gjson.Result, c *harness.Chunk) error { return new(stream).atOnce(root, c) }

// idsAtOnce reads one that is token ids.
func idsAtOnce(root gjson.Result, c *harness.Chunk) error {
	return (&stream{ofIDs: true}).atOnce(root, c)
}

func (s *stream) atOnce(root gjson.Result, c *harness.Chunk) error {
	at, waited := c.At, c.Waited
	of, isAnswer, _ := s.chunk(root, at)
	if !isAnswer {
		return wire.Malformed("what came is no answer: it has no choices: " + root.Raw)
	}
	if of.Finish == "" {
		return wire.CutShort("the answer has no finish reason")
	}
	*c = of
	c.At, c.Waited, c.AtOnce, c.Tokens = at, waited, true, harness.Unreported
	return nil
}

// read takes a piece of the stream. It returns false where there is to be no more.
func (s *stream) read(piece []byte, at time.Time, waited time.Duration, yield func(harness.Chunk, error) bool) (going bool) {
	for !s.done {
		if text, rest, ok := s.whole(piece); ok {
			s.heard, piece = true, rest
			if !yield(s.mere(text, at, waited), nil) {
				return false
			}
			continue
		}
		line, rest, ok := s.Line(piece)
		if !ok {
			if ends(s.Partial()) { // its line may never end
				return s.take(s.TakePartial(), at, waited, yield)
			}
			return true
		}
		piece = rest
		if going := s.take(line, at, waited, yield); !going {
			return false
		}
	}
	return true
}

// take adds a line to the event that is being read; an empty one ends it, and so does
// [DONE], after which nothing counts.
func (s *stream) take(line []byte, at time.Time, waited time.Duration, yield func(harness.Chunk, error) bool) (going bool) {
	done := ends(line)
	if len(line) > 0 && !done {
		s.Field(line)
		return true
	}
	chunk, has, bad := s.event(at, waited)
	if bad != nil {
		yield(harness.Chunk{}, bad)
		return false
	}
	if done {
		s.done, s.heard, s.isStream = true, true, true
	}
	return !has || yield(chunk, nil)
}

// over reports whether the answer is whole and all of it has come.
func (s *stream) over() bool { return s.finished && (s.done || s.counted) }

// allowed is how long the stream may be silent from now on; 0 where that has not changed.
func (s *stream) allowed() time.Duration {
	heard := s.heard
	s.heard = false
	switch {
	case !heard || !s.finished && !s.done:
		return 0
	case s.done || s.counted:
		return lingering
	case s.client.sendsUsage.Load():
		return forUsageOf
	}
	return forUsage
}

// end is that of a stream. An event that is not closed by an empty line is one
// nevertheless, where it is whole.
func (s *stream) end(why error, at time.Time, waited time.Duration, yield func(harness.Chunk, error) bool) {
	if !s.done && !s.over() && !s.takeRest(at, waited, yield) {
		return
	}
	s.remarkOn(why)
	switch {
	case s.finished:
	case !errors.Is(why, io.EOF) && !s.done:
		yield(harness.Chunk{}, why)
	default:
		yield(harness.Chunk{}, s.unfinished())
	}
}

// takeRest takes what had come of an event when the stream ended.
func (s *stream) takeRest(at time.Time, waited time.Duration, yield func(harness.Chunk, error) bool) (going bool) {
	if rest := s.TakePartial(); len(rest) > 0 && !bytes.HasPrefix([]byte("data:"), rest) && !s.take(rest, at, waited, yield) {
		return false
	}
	data := s.Pending()
	if s.cut = len(data) > 0 && !wire.IsJSON(data) && !wire.RunTogether(data) && string(s.Name()) != "error"; s.cut || len(data) == 0 {
		return true
	}
	return s.take(nil, at, waited, yield)
}

// remarkOn notes what was odd about a stream that brought a whole answer.
func (s *stream) remarkOn(end error) {
	if !s.finished {
		return
	}
	ours := errors.Is(end, context.Canceled) || errors.Is(end, context.DeadlineExceeded)
	switch silent := errors.Is(end, os.ErrDeadlineExceeded); {
	case silent && !s.over():
		s.client.Remark(client.Remark{Kind: client.EndsInSilence, Detail: forUsage.String()})
	case !silent && !ours && end != io.EOF:
		s.client.Remark(client.Remark{Kind: client.BreaksOff})
	}
	if s.label != wire.EventStream {
		s.client.Remark(client.Remark{Kind: client.Mislabels, Detail: s.label})
	}
	if s.counted && !s.client.sendsUsage.Load() {
		s.client.sendsUsage.Store(true)
	}
}

// unfinished is what became of an answer that ended without a finish reason.
func (s *stream) unfinished() error {
	return wire.Ending{Stray: s.Stray(), Label: s.label, IsStream: s.isStream, Cut: s.cut, Lacks: "a finish reason", Member: "choices"}.Err()
}
